/** The parts of the project that may import only certain others. */
export type Layer =
  | "function"
  | "shared"
  | "cli"
  | "local"
  | "client"
  | "bench"
  | "demo"
  | "tools"
  | "tests"
  | "other";

interface Place {
  layer: Layer;
  /** Name of the edge function; set for layer `function`. */
  owner?: string;
}

/** Says where a file of the project stands. `path` is relative to the project, with slashes. */
export function placeOf(path: string): Place {
  const owner = /^supabase\/functions\/([^/]+)\//.exec(path)?.[1];
  if (owner) return { layer: "function", owner };
  const top = path.split("/")[0];
  switch (top) {
    case "shared":
    case "cli":
    case "local":
    case "client":
    case "bench":
    case "demo":
    case "tools":
    case "tests":
      return { layer: top };
    default:
      return { layer: "other" };
  }
}

interface Arrow {
  from: string;
  to: string;
  typeOnly: boolean;
}

/**
 * Why this import is against the direction of the arrows, or undefined when it is with them.
 * Paths are relative to the project. Tests and tools may import everything but each other.
 */
export function refuseArrow({ from, to, typeOnly }: Arrow): string | undefined {
  const source = placeOf(from);
  const target = placeOf(to);
  if (target.layer === "tests" && source.layer !== "tests" && source.layer !== "other") {
    return "only tests import from tests";
  }
  switch (source.layer) {
    case "function":
      if (target.layer === "shared") return;
      if (target.layer === "function" && target.owner === source.owner) return;
      return "a function imports from itself and shared/ only";
    case "shared":
      return target.layer === "shared" ? undefined : "shared/ knows nothing outside itself";
    case "cli":
      if (["cli", "shared", "tools"].includes(target.layer) || to === "package.json") return;
      return "cli/ imports from itself and shared/ only";
    case "local":
      if (target.layer === "local") return;
      if (/^supabase\/functions\/[^/]+\/index\.ts$/.test(to)) return;
      return "local/ imports nothing of ours but the functions' entry files";
    case "client":
      if (target.layer === "client") return;
      if (typeOnly && /^supabase\/functions\/[^/]+\/schemas\.ts$/.test(to)) return;
      return "client/ imports the types of the functions' schemas only";
    case "demo":
      if (["demo", "local"].includes(target.layer)) return;
      return "demo/ uses the stack from outside, as an app would";
    default:
      return;
  }
}
