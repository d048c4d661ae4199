/** This process itself in a network namespace: what it opens there stays there. One thread, so nothing here is async. */
import { closeSync, openSync } from "node:fs";
import koffi from "koffi";
import { LabError } from "./errors.js";
import type { Lab } from "./lab.js";
import type { Namespace } from "./namespace.js";

const CLONE_NEWNET = 0x4000_0000;
const setns = koffi.load("libc.so.6").func("int setns(int fd, int type)") as (fd: number, type: number) => number;

/** Moves the main thread, and with it the programs that it starts from now on, until the lab ends. */
export function enterNamespace(lab: Lab, namespace: Namespace): void {
  // The lab ends whatever runs in its namespaces.
  lab.onDestroy(moveTo(namespace));
}

/** Does `body` there and comes back. */
export function inNamespace<T>(namespace: Namespace, body: () => T): T {
  const comeBack = moveTo(namespace);
  try {
    return body();
  } finally {
    comeBack();
  }
}

/** Returns what leads back. */
function moveTo({ name }: Namespace): () => void {
  const home = openSync("/proc/self/ns/net", "r");
  const there = openSync(`/run/netns/${name}`, "r");
  try {
    move(there);
  } finally {
    closeSync(there);
  }
  return () => {
    move(home);
    closeSync(home);
  };
}

function move(fd: number): void {
  if (setns(fd, CLONE_NEWNET) !== 0) throw new LabError("this process cannot move to another network namespace");
}
