/** `grey list`: everything that can be named on the command line. */

import { faultKinds } from "../../../implementations/foundation/faults.ts";
import { modules, substrates } from "../../../implementations/foundation/deployment.ts";
import type { ListedImplementation, Registries } from "../backends.ts";
import type { Command } from "../command.ts";
import { oneOf } from "../nearest.ts";
import { textTable } from "../text-table.ts";

const sections = ["modules", "implementations", "workloads", "faults", "experiments", "claims"] as const;
type Section = (typeof sections)[number];

/** One thing that can be named: its columns. */
type Entry = Readonly<Record<string, string | readonly string[]>>;

export const listCommand: Command = {
  name: "list",
  summary: "List modules, implementations, workloads, faults, experiments and claims",
  positionals: [{ name: "what", describe: `One section only: ${sections.join(", ")}`, optional: true }],
  options: {},
  examples: [
    { command: "$0 list", meaning: "Everything" },
    { command: "$0 list claims --json", meaning: "One section, for a script" },
  ],
  async run(input, { io, backends }) {
    const what = input.text("what");
    const chosen = what === undefined ? sections : [oneOf(what, sections, "WHAT", "section")];
    const listing = await listed(await backends.registries());
    if (input.flag("json")) {
      const object = Object.fromEntries(chosen.map((section) => [section, listing[section]]));
      io.stdout.write(`${JSON.stringify(object)}\n`);
    } else {
      io.stdout.write(chosen.map((section) => described(section, listing[section])).join("\n"));
    }
    return 0;
  },
};

async function listed(registries: Registries): Promise<Readonly<Record<Section, readonly Entry[]>>> {
  const { implementations, workloads, experiments, claims } = registries;
  return {
    modules: modules.map((module) => ({
      module,
      implementations: implementations.filter((each) => each.module === module).map(({ name }) => name),
    })),
    implementations: await Promise.all(implementations.map(describedImplementation)),
    workloads: workloads.map(({ module, name, description }) => ({ module, name, description })),
    faults: Object.entries(faultKinds).flatMap(([group, kinds]) =>
      kinds.map((fault) => ({
        group,
        fault,
        ...Object.fromEntries(
          substrates.map((substrate) => [
            substrate,
            implementations
              .filter(({ faults }) => faults[substrate]?.has(fault) === true)
              .map(({ module, name }) => `${module}/${name}`),
          ]),
        ),
      })),
    ),
    experiments: experiments.map(({ id, title }) => ({ id, title })),
    claims: claims.map((claim) => ({
      id: claim.id,
      class: claim.class,
      experiments: claim.experiments,
      statement: claim.statement,
    })),
  };
}

async function describedImplementation(implementation: ListedImplementation): Promise<Entry> {
  const { module, name, faults } = implementation;
  const available = await implementation.available();
  return {
    module,
    name,
    substrates: substrates.filter((substrate) => faults[substrate] !== undefined),
    available: available === true ? "yes" : available,
  };
}

function described(section: Section, entries: readonly Entry[]): string {
  const title = `${section.toUpperCase()}\n`;
  const first = entries[0];
  if (first === undefined) return `${title}none\n`;
  const columns = Object.keys(first);
  return (
    title +
    textTable(
      columns,
      entries.map((entry) => columns.map((column) => cellOf(entry[column]))),
    )
  );
}

function cellOf(value: Entry[string] | undefined): string {
  if (value === undefined || value.length === 0) return "-";
  return typeof value === "string" ? value : value.join(", ");
}
