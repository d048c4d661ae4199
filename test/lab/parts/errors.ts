/** Something that the lab itself could not do, as opposed to a wrong result of what is tested in it. */
export class LabError extends Error {
  override readonly name = "LabError";
}
