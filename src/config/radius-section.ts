/** The section `radius` belongs to the gateway, whose schema it is. */
import { radiusConfigSchema } from "../gateway/config.js";

export const radiusSection = radiusConfigSchema.optional();
