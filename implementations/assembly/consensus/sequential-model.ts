/** The minimal implementation as the sequential model that histories of every implementation are judged against. */

export { applyToRegister } from "../../consensus/minimal.ts";
