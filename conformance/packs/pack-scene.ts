/** What the scenarios of Packs begin with. */
import { afterAll } from "vitest";
import { type Lane, openLane } from "../lane.ts";
import { openPackLane, type PackLane } from "./pack-lane.ts";

export interface PackScene {
  lane: Lane;
  /** Packs on the lane. */
  on: PackLane;
}

/** Opens a lane with an operator and a repository of charts, for the file that awaits it; closed after its tests. */
export async function openPackScene(): Promise<PackScene> {
  const lane = await openLane();
  afterAll(() => lane.close());
  const on = await openPackLane(lane);
  afterAll(() => on.close());
  return { lane, on };
}
