/** What the decision needs to know of orders that were taken before. */

/** Where an order stands in its stream, such as `RADIUS:1234`: the same place again is a redelivery, another is a replay. */
export type OrderPlace = string;

export interface ReplayView {
  /** Where the order of that id was first taken; undefined where it is new. */
  placeOf(id: string): OrderPlace | undefined;
  /** The highest serial taken of the task; 0 where there is none. */
  serialOf(task: string): number;
  /** False where no more orders can be remembered. */
  readonly hasRoom: boolean;
}
