// Asks for a parcel again and again, politely: slower in the background, slower after errors, and not for ever.

import { type Estimate, type ParcelView, SETTLED, steadyEstimate } from "./timeline";

const FOREGROUND_MS = 60_000;
const BACKGROUND_MS = 15 * 60_000;
const LONGEST_MS = 60 * 60_000;

export interface Clock {
  isHidden(): boolean;
  sleep(ms: number): Promise<void>;
}

export type Fetcher = (number: string) => Promise<Response>;

/** How long to wait before the next request. `failures` counts those in a row; each doubles the pause. */
export function pauseMs(isHidden: boolean, failures: number, retryAfterS = 0): number {
  const usual = isHidden ? BACKGROUND_MS : FOREGROUND_MS;
  const pause = Math.min(usual * 2 ** failures, LONGEST_MS);
  return Math.max(pause, retryAfterS * 1000);
}

/**
 * Calls `show` with the parcel each time that it has changed, until it is settled or nobody knows it.
 *
 * A 404 ends it: the shop took the parcel back, or the number was mistyped. Other errors are tried again.
 */
export async function follow(
  number: string,
  fetchParcel: Fetcher,
  show: (parcel: ParcelView) => void,
  clock: Clock,
): Promise<void> {
  let failures = 0;
  let shown = "";
  let estimate: Estimate | undefined;
  for (;;) {
    let retryAfterS = 0;
    try {
      const response = await fetchParcel(number);
      if (response.status === 404) {
        return;
      }
      if (!response.ok) {
        retryAfterS = Number(response.headers.get("Retry-After") ?? 0);
        throw new Error(`status ${response.status}`);
      }
      const text = await response.text();
      failures = 0;
      if (text !== shown) {
        shown = text;
        const parcel = JSON.parse(text) as ParcelView;
        if (parcel.estimate) {
          parcel.estimate = estimate = steadyEstimate(estimate, parcel.estimate);
        }
        show(parcel);
        if (SETTLED.has(parcel.state)) {
          return;
        }
      }
    } catch {
      failures += 1;
    }
    await clock.sleep(pauseMs(clock.isHidden(), failures, retryAfterS));
  }
}
