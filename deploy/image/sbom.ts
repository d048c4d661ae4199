/**
 * Adds Debian packages, "name version architecture" a line on standard input, and node itself to the CycloneDX document
 * that is named.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface Component {
  readonly "bom-ref": string;
  readonly type: "library" | "application";
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

interface Document {
  metadata: { component: { name: string; type: string } };
  components: Component[];
  dependencies: { ref: string; dependsOn?: string[] }[];
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: sbom.js FILE <packages");
const document = JSON.parse(readFileSync(file, "utf8")) as Document;

function component(type: Component["type"], name: string, version: string, purl: string): Component {
  return { "bom-ref": purl, type, name, version, purl };
}

const lines = readFileSync(0, "utf8").split("\n").filter(Boolean);
const packages = lines.map((line) => {
  const [name = "", version = "", architecture = ""] = line.split(" ");
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  return component("library", name, version, purl);
});
const node = process.versions.node;
document.components.push(component("application", "node", node, `pkg:generic/node@${node}`), ...packages);
Object.assign(document.metadata.component, { name: "submirror", type: "application" });
writeFileSync(file, `${JSON.stringify(document, undefined, 2)}\n`);
