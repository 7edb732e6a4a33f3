/**
 * Which of a plan's settings an implementation gets.
 *
 * A plain name goes to every implementation; one with an implementation's name before it ("etcd.tls") goes to that one
 * alone, without the prefix, and takes precedence. So one plan stays the identical input of all, and can still say
 * what only one of them knows.
 */

export type Settings = Readonly<Record<string, number | boolean | string>>;

export function settingsOf(implementation: string, settings: Settings): Settings {
  const own: Record<string, number | boolean | string> = {};
  for (const [name, value] of Object.entries(settings)) if (!name.includes(".")) own[name] = value;
  for (const [name, value] of Object.entries(settings)) {
    const [of, ...rest] = name.split(".");
    if (rest.length > 0 && of === implementation) own[rest.join(".")] = value;
  }
  return own;
}
