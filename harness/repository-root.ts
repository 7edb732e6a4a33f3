/** Where this repository lies, wherever it is started from. */

import { fileURLToPath } from "node:url";

export const repositoryRoot = fileURLToPath(new URL("..", import.meta.url));
