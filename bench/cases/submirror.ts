/** The datapath of this repository, through the interface that the agent uses. */
import { fileURLToPath } from "node:url";
import type { DatapathOptions } from "../../src/datapath/options.js";
import { hold } from "../held-process.js";
import { CopyKind } from "../layout.gen.js";
import type { Case } from "./case.js";

type Mode = DatapathOptions["mode"];

const TITLES: Readonly<Record<Mode, string>> = {
  tc: "submirror tc",
  "xdp-tap": "submirror xdp-tap (fed by a tap)",
  "xdp-forward": "submirror xdp-forward",
};

const PROGRAM = fileURLToPath(new URL("../datapath-process.js", import.meta.url));

export function submirror(mode: Mode, entries: number, objectDirectory: string, program = PROGRAM): Case {
  return {
    id: mode,
    title: TITLES[mode],
    entries,
    counting: mode === "tc" ? "tc" : "xdp",
    copyKind: CopyKind.COPY_SHIM,
    forwards: mode !== "xdp-tap",
    mirrors: true,
    async setUp() {
      const held = await hold(process.execPath, program, mode, String(entries), objectDirectory);
      if (held.said === "ready") return () => held.close();
      held.close();
      return "absent";
    },
  };
}
