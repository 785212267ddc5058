// Shows one parcel's timeline on a shop's page. No framework, no styles of its own but a class for each state.

export type ParcelState =
  | "announced"
  | "under_way"
  | "out_for_delivery"
  | "waiting"
  | "delivered"
  | "going_back"
  | "returned"
  | "lost";

export interface Scan {
  code: string;
  at: string;
  depot: string;
  text: string;
}

export interface Estimate {
  earliest: string;
  likely: string;
  latest: string;
  from: "history" | "promise";
}

export interface ParcelView {
  number: string;
  state: ParcelState;
  scans: Scan[];
  estimate?: Estimate;
}

const HEADLINES: Record<ParcelState, string> = {
  announced: "The shop is getting your parcel ready",
  under_way: "Your parcel is under way",
  out_for_delivery: "Your parcel comes today",
  waiting: "Your parcel is waiting for you",
  delivered: "Your parcel was delivered",
  going_back: "Your parcel is on its way back to the shop",
  returned: "Your parcel is back at the shop",
  lost: "Your parcel cannot be found; the shop has been told",
};

/** States after which nothing changes any more, so that the page need not ask again. */
export const SETTLED: ReadonlySet<ParcelState> = new Set(["delivered", "returned"]);

/** The days on which it may come, as people say them: one day where earliest and latest are the same. */
export function formatEstimate(estimate: Estimate, locale: string): string {
  const format = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
  const likely = format.format(new Date(`${estimate.likely}T00:00:00Z`));
  if (estimate.from === "promise") {
    return `promised for ${likely}`;
  }
  if (estimate.earliest === estimate.latest) {
    return likely;
  }
  const latest = format.format(new Date(`${estimate.latest}T00:00:00Z`));
  return `probably ${likely}, at the latest ${latest}`;
}

/** The newer estimate, but no day of it earlier than the one that was shown already: people plan with it. */
export function steadyEstimate(shown: Estimate | undefined, newer: Estimate): Estimate {
  if (!shown) {
    return newer;
  }
  const later = (a: string, b: string) => (a > b ? a : b); // ISO dates sort as texts
  return {
    earliest: later(shown.earliest, newer.earliest),
    likely: later(shown.likely, newer.likely),
    latest: later(shown.latest, newer.latest),
    from: newer.from,
  };
}

/** Scans by calendar day in the reader's own zone, newest day first; within a day newest scan first. */
export function groupByDay(scans: Scan[], locale: string, timeZone?: string): Map<string, Scan[]> {
  const format = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeZone });
  const days = new Map<string, Scan[]>();
  for (const scan of [...scans].reverse()) {
    const day = format.format(new Date(scan.at));
    const known = days.get(day);
    if (known) {
      known.push(scan);
    } else {
      days.set(day, [scan]);
    }
  }
  return days;
}

/** Draws the parcel into the element. Texts are set as text, never as HTML: they come from a carrier. */
export function render(target: HTMLElement, parcel: ParcelView, locale = "en"): void {
  target.replaceChildren();
  target.className = `waypost waypost-${parcel.state}`;
  const headline = document.createElement("h2");
  headline.textContent = HEADLINES[parcel.state];
  target.append(headline);
  if (parcel.estimate) {
    const days = document.createElement("p");
    days.textContent = formatEstimate(parcel.estimate, locale);
    target.append(days);
  }
  for (const [day, scans] of groupByDay(parcel.scans, locale)) {
    const heading = document.createElement("h3");
    heading.textContent = day;
    const list = document.createElement("ol");
    for (const scan of scans) {
      const item = document.createElement("li");
      item.textContent = scan.text;
      item.title = scan.at;
      list.append(item);
    }
    target.append(heading, list);
  }
}
