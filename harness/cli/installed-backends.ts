/**
 * The real backends: the one place where the command line meets the engines and the paper's registries. Everything is
 * loaded when a command needs it, so that `--help` and a refusal answer at once.
 */

import { faultKinds } from "../../implementations/foundation/faults.ts";
import type { Backends } from "./backends.ts";

export const installedBackends: Backends = {
  async registries() {
    const [{ rooms }, { catalogue }] = await Promise.all([
      import("../rooms/rooms.ts"),
      import("../../repro/catalogue.ts"),
    ]);
    const implementations = rooms.flatMap((room) => room.implementations);
    const workloads = rooms.flatMap(({ module, workloads: ofRoom }) =>
      Object.entries(ofRoom).map(([name, description]) => ({ module, name, description })),
    );
    const { experiments, claims, mutants } = catalogue;
    return { implementations, workloads, experiments, claims, mutants };
  },

  async *repro(options) {
    const [{ repro }, { catalogue }] = await Promise.all([import("../repro.ts"), import("../../repro/catalogue.ts")]);
    return yield* repro({ ...options, catalogue });
  },

  async *compare(options) {
    const { compare } = await import("../compare.ts");
    return yield* compare(options);
  },

  async *replay(options) {
    const { replay } = await import("../capsule/replay.ts");
    return yield* replay(options);
  },

  async *sweep(options) {
    const [{ sweep }, { repositoryRoot }] = await Promise.all([
      import("../sweep/sweep.ts"),
      import("../repository-root.ts"),
    ]);
    return yield* sweep({ ...options, root: repositoryRoot });
  },

  async *mutants({ ids, ...options }) {
    const [{ huntMutants }, { repositoryRoot }, { catalogue }] = await Promise.all([
      import("../mutants/hunt.ts"),
      import("../repository-root.ts"),
      import("../../repro/catalogue.ts"),
    ]);
    const mutants = catalogue.mutants.filter(({ id }) => ids.includes(id));
    return yield* huntMutants({ ...options, mutants, root: repositoryRoot, kinds: Object.values(faultKinds).flat() });
  },

  async checkFile(path, options) {
    const { checkFile } = await import("../check/check-file.ts");
    return checkFile(path, options);
  },

  async convertFile(path, { out, ...options }, print) {
    const { convertHistory, writePieces } = await import("../history/write-history.ts");
    const pieces = convertHistory(path, options);
    if (out !== undefined) return writePieces(out, pieces);
    for await (const piece of pieces) print(piece);
  },

  async verify(directory) {
    const { verify } = await import("../record/verify.ts");
    return verify(directory);
  },

  async *doctor(directory) {
    const { doctor } = await import("../doctor.ts");
    yield* doctor(directory);
  },
};
