import { mediationCommand } from "./command.js";

await mediationCommand().parseAsync();
