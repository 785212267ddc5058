import { readFile } from "node:fs/promises";

export type Method = "GET" | "POST" | "DELETE";

export interface Route<T = unknown> {
  method: Method;
  path: string;
  /** Answers one request. */
  handle(request: Request): Promise<T>;
}

export enum Status {
  Ok = 200,
  NotFound,
}

declare module "plugins" {
  export function register(name: string): void;
}

namespace Paths {
  // Slashes at the end make no difference to what a path means, so they are taken off here.
  export function normal(path: string): string {
    return path.replace(/\/+$/, "");
  }
}

/** Finds the route for a request. */
@sealed
export abstract class Router implements Iterable<Route> {
  private readonly routes: Map<string, Route> = new Map();
  protected fallback?: Route;

  constructor(private readonly base: string) {}

  abstract log(message: string): void;

  @traced("add")
  add(route: Route): this {
    const key = `${route.method} ${this.base}${Paths.normal(route.path)}`;
    if (this.routes.has(key)) {
      throw new Error(`route ${key} is there already; remove it first`);
    }
    this.routes.set(key, route);
    return this;
  }

  find = (method: Method, path: string): Route | undefined => {
    const found = this.routes.get(`${method} ${Paths.normal(path)}`);
    if (!found) this.log(`no route for ${method} ${path}, the fallback answers`);
    return found ?? this.fallback;
  };

  [Symbol.iterator](): Iterator<Route> {
    return this.routes.values();
  }
}

export function overload(value: string): string;
export function overload(value: number): number;
export function overload(value: any): any {
  return value;
}
