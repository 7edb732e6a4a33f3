/** Placements of the production store, computed exactly. */

export {
  joinMovement,
  loadSpread,
  moduloMovement,
  quorumCounterexamples,
} from "../../../implementations/assembly/storage/placement.ts";
