// Goal: a fault's name leads to the right nodes and the right links, in clusters of every size.
// Method: properties over seeds for 3, 5 and 7 nodes: who still hears whom under the cuts that a partition asks for.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultKind, Link } from "../../implementations/foundation/faults.ts";
import { clientsEndpoint, faultKinds } from "../../implementations/foundation/faults.ts";
import { seededRandom } from "../../implementations/foundation/prng.ts";
import type { NodeId } from "../../implementations/foundation/units.ts";
import type { FaultSpec, Target } from "../plan/plan.ts";
import { faultParameters, resolveFault } from "./resolve-fault.ts";
import type { ResolvedFault } from "./resolve-fault.ts";

const sizes = [3, 5, 7] as const;
const seeds = Array.from({ length: 25 }, (_, seed) => seed);
const nodesOf = (size: number): NodeId[] => Array.from({ length: size }, (_, index) => `n${index + 1}`);

function specOf(kind: FaultKind, target: Target = "one", parameters: Record<string, number> = {}): FaultSpec {
  return { kind, target, placement: { at: "time", ms: 0 }, durationMs: 1000, parameters };
}

function resolve(kind: FaultKind, size: number, seed: number, target: Target = "one", leader = "n2"): ResolvedFault {
  return resolveFault(specOf(kind, target), nodesOf(size), leader, seededRandom(seed));
}

function cutsOf({ steps }: ResolvedFault): readonly Link[] {
  return steps.flatMap(({ action }) => ("inject" in action && action.inject.kind === "cut" ? action.inject.links : []));
}

/** For each node, the nodes it still hears, itself among them. */
function heard(fault: ResolvedFault, size: number): Map<NodeId, readonly NodeId[]> {
  const cut = new Set(cutsOf(fault).map(({ from, to }) => `${from}>${to}`));
  const nodes = nodesOf(size);
  return new Map(nodes.map((to) => [to, nodes.filter((from) => from === to || !cut.has(`${from}>${to}`))]));
}

/** Runs `look` for every size and seed; a failure says which. */
function everywhere(look: (size: number, seed: number) => void): void {
  for (const size of sizes) {
    for (const seed of seeds) {
      try {
        look(size, seed);
      } catch (error) {
        throw new Error(`${size} nodes, seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
  }
}

test("halves: two sides that hear themselves and not each other, the smaller one as large as can be", () => {
  everywhere((size, seed) => {
    const fault = resolve("halves", size, seed);
    assert.equal(fault.nodes.length, Math.floor(size / 2));
    const rest = nodesOf(size).filter((node) => !fault.nodes.includes(node));
    for (const [node, hears] of heard(fault, size)) {
      assert.deepEqual(hears, fault.nodes.includes(node) ? fault.nodes.toSorted(byName) : rest);
    }
    assert.equal(cutsOf(fault).length, 2 * fault.nodes.length * rest.length, "no link twice");
  });
});

test("majority-minority with the leader: it is on the smaller side, which is no majority", () => {
  everywhere((size, seed) => {
    const fault = resolve("majority-minority", size, seed, "leader", "n3");
    assert.ok(fault.nodes.includes("n3"));
    assert.equal(fault.nodes.length, (size - 1) / 2);
    assert.equal(new Set(fault.nodes).size, fault.nodes.length);
    for (const [node, hears] of heard(fault, size)) {
      assert.equal(hears.length > size / 2, !fault.nodes.includes(node));
    }
  });
});

test("majorities-ring: everyone hears exactly a majority, no two the same one", () => {
  everywhere((size, seed) => {
    const hears = [...heard(resolve("majorities-ring", size, seed), size).values()];
    for (const each of hears) assert.equal(each.length, (size + 1) / 2);
    assert.equal(new Set(hears.map((each) => each.join())).size, size);
  });
});

test("bridge: one node hears all and is heard by all; the two sides do not hear each other", () => {
  everywhere((size, seed) => {
    const fault = resolve("bridge", size, seed);
    const hears = heard(fault, size);
    const bridges = [...hears].filter(([, each]) => each.length === size).map(([node]) => node);
    assert.equal(bridges.length, 1);
    const sides = [...hears].filter(([node]) => !bridges.includes(node)).map(([, each]) => each.length);
    assert.deepEqual(
      sides,
      Array.from({ length: size - 1 }, () => (size + 1) / 2),
    );
    for (const { from, to } of cutsOf(fault)) assert.ok(!hears.get(from)?.includes(to), "cut in both directions");
  });
});

test("one-way: the node hears nobody or is heard by nobody, never both; both happen", () => {
  const directions = new Set<string>();
  everywhere((size, seed) => {
    const fault = resolve("one-way", size, seed);
    const [node = ""] = fault.nodes;
    const hears = heard(fault, size);
    const deaf = hears.get(node)?.length === 1;
    const mute = [...hears].every(([other, each]) => other === node || !each.includes(node));
    assert.notEqual(deaf, mute);
    assert.equal(cutsOf(fault).length, size - 1);
    directions.add(deaf ? "deaf" : "mute");
  });
  assert.equal(directions.size, 2);
});

test("isolate-one and leader: the node is cut off from everyone, the others are not", () => {
  everywhere((size, seed) => {
    for (const fault of [resolve("isolate-one", size, seed), resolve("leader", size, seed, "one", "n3")]) {
      const [node = ""] = fault.nodes;
      for (const [each, hears] of heard(fault, size)) assert.equal(hears.length, each === node ? 1 : size - 1);
    }
    assert.deepEqual(resolve("leader", size, seed, "one", "n3").nodes, ["n3"]);
  });
});

test("targets: as many nodes as the name says, each once, and the leader is who leads now", () => {
  everywhere((size, seed) => {
    const nodesHit = (target: Target): readonly NodeId[] => resolve("kill", size, seed, target).nodes;
    assert.equal(nodesHit("one").length, 1);
    assert.equal(nodesHit("minority").length, (size - 1) / 2);
    assert.equal(nodesHit("majority").length, (size + 1) / 2);
    assert.deepEqual(nodesHit("all"), nodesOf(size));
    assert.deepEqual(nodesHit("leader"), ["n2"]);
    assert.deepEqual(
      nodesHit("followers"),
      nodesOf(size).filter((node) => node !== "n2"),
    );
    assert.deepEqual(nodesHit(["n3", "n1"]), ["n3", "n1"]);
    for (const target of ["one", "minority", "majority"] as const) {
      assert.equal(new Set(nodesHit(target)).size, nodesHit(target).length);
    }
  });
});

test("without a known leader somebody is hit all the same", () => {
  const fault = resolveFault(specOf("kill", "leader"), nodesOf(3), undefined, seededRandom(1));
  assert.equal(fault.nodes.length, 1);
  assert.ok(nodesOf(3).includes(fault.nodes[0] ?? ""));
});

for (const kind of Object.values(faultKinds).flat()) {
  test(`${kind}: the same seed hits the same, and its steps lie in order within its duration, injection first`, () => {
    everywhere((size, seed) => {
      const fault = resolve(kind, size, seed);
      assert.deepEqual(resolve(kind, size, seed), fault);
      assert.ok(fault.target.length > 0 && fault.steps.length > 0 && fault.nodes.length > 0);
      const [first] = fault.steps;
      assert.ok(first !== undefined && first.afterMs === 0 && "inject" in first.action);
      for (const [index, { afterMs }] of fault.steps.entries()) {
        assert.ok(afterMs >= (fault.steps[index - 1]?.afterMs ?? 0) && afterMs < 1000);
      }
      for (const { action } of fault.steps) {
        const links = "inject" in action && "links" in action.inject ? action.inject.links : [];
        for (const { from, to } of links)
          assert.ok(from !== to && nodesOf(size).includes(from) && nodesOf(size).includes(to));
      }
    });
  });
}

test("a plan's parameters override the kind's own, by name", () => {
  const stepOf = (parameters: Record<string, number>): unknown =>
    resolveFault(specOf("loss", "all", parameters), nodesOf(3), "n1", seededRandom(1)).steps[0]?.action;
  const loss = (probability: number): unknown => ({ kind: "loss", probability });
  const faultOf = (action: unknown): unknown => (action as { inject: { fault: unknown } }).inject.fault;
  assert.deepEqual(faultOf(stepOf({})), loss(faultParameters.loss?.["probability"] ?? 0));
  assert.deepEqual(faultOf(stepOf({ probability: 0.7 })), loss(0.7));
});

function byName(one: string, other: string): number {
  return one < other ? -1 : 1;
}

test("a node that is alone has one link, that to the clients", () => {
  const fault = resolveFault(specOf("delay"), ["n1"], undefined, seededRandom(1));
  const [step] = fault.steps;
  assert.ok(step !== undefined && "inject" in step.action && step.action.inject.kind === "packet");
  assert.deepEqual(step.action.inject.links, [
    { from: clientsEndpoint, to: "n1" },
    { from: "n1", to: clientsEndpoint },
  ]);
});
