/**
 * `datapackage.json`: the data dictionary of a results directory, generated from the columns in `tables.ts`.
 *
 * @see Frictionless Data, "Data Package" and "Table Schema" specifications, version 1.
 */

import { tables } from "./tables.ts";
import type { TableName } from "./tables.ts";

/** @param present the tables that have a file in the directory. */
export function dataPackage(title: string, present: readonly TableName[]): object {
  return {
    profile: "tabular-data-package",
    name: "grey-distributed-results",
    title,
    licenses: [{ name: "Apache-2.0", path: "https://www.apache.org/licenses/LICENSE-2.0" }],
    resources: present.map((name) => ({
      profile: "tabular-data-resource",
      name,
      path: `csv/${name}.csv`,
      format: "csv",
      mediatype: "text/csv",
      encoding: "utf-8",
      dialect: { delimiter: ",", lineTerminator: "\n", quoteChar: '"', doubleQuote: true, header: true },
      schema: {
        fields: tables[name].map(({ name: field, type, description }) => ({ name: field, type, description })),
        missingValues: [""],
      },
    })),
  };
}
