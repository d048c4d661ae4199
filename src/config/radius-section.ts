/** The section `radius` belongs to the gateway, whose schema it is. */
import { z } from "zod";

export const radiusSection = z.unknown().optional();
