/** The section `sessions`: when a session of which nothing is heard counts as over. */
import { z } from "zod";

export const sessionsSection = z.strictObject({
  interimSeconds: z
    .number()
    .min(10)
    .max(86_400)
    .optional()
    .describe(
      "how often NASes send interim updates where the Access-Accept has no Acct-Interim-Interval; absent: sessions without one are not ended for silence",
    ),
  missedInterims: z
    .number()
    .min(2)
    .max(100)
    .default(3)
    .describe("a session of which nothing is heard for that many intervals is over, while its NAS is heard otherwise"),
  silentNasHours: z
    .number()
    .positive()
    .max(24 * 365)
    .default(24)
    .describe(
      "a NAS of which nothing at all is heard keeps its sessions so long: it is the way from it that is broken, more likely than each of them",
    ),
  pendingSeconds: z
    .number()
    .min(10)
    .max(86_400)
    .default(600)
    .describe("a login that no accounting follows is over after that, where the NAS does accounting"),
  maxCoaAgeSeconds: z
    .number()
    .min(1)
    .max(86_400)
    .default(300)
    .describe("a CoA older than that starts nothing any more: whoever sent it was told that nobody answered"),
});
