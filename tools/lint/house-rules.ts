import { dirname, fromRoot, resolveFrom } from "./paths.ts";
import { placeOf, refuseArrow } from "./layers.ts";

type Context = Deno.lint.RuleContext;
type Node = Deno.lint.Node;
type Visitor = Deno.lint.LintVisitor;

const MAX_HANDLER_LINES = 20;

function rule(create: (context: Context, path: string) => Visitor): Deno.lint.Rule {
  return { create: (context) => create(context, fromRoot(context.filename)) };
}

function isDeployed(path: string): boolean {
  return ["function", "shared"].includes(placeOf(path).layer);
}

const envInOnePlace = rule((context, path) => {
  const restricted = path !== "shared/env.ts" && (isDeployed(path) || path.startsWith("client/"));
  if (!restricted) return {};
  return {
    MemberExpression(node) {
      const text = context.sourceCode.getText(node);
      if (!/^(globalThis\.)?(Deno|process)\.env$/.test(text)) return;
      context.report({
        node,
        message: "Only shared/env.ts reads the environment",
        hint: "Take the value from `deps.env`, or add it to the schema in shared/env.ts",
      });
    },
  };
});

const noAsAny = rule((context) => ({
  TSAsExpression(node) {
    if (node.typeAnnotation.type !== "TSAnyKeyword") return;
    context.report({ node, message: "`as any` hides what the value is: parse it or narrow it" });
  },
}));

const noTypeSuppression = rule((context) => ({
  Program() {
    for (const comment of context.sourceCode.getAllComments()) {
      if (!/^\s*@ts-(ignore|nocheck)\b/.test(comment.value)) continue;
      context.report({ range: comment.range, message: "Type errors are fixed, not silenced" });
    }
  },
}));

const noNonNull = rule((context, path) =>
  isDeployed(path)
    ? {
      TSNonNullExpression(node) {
        context.report({ node, message: "`!` trusts a value nobody checked: handle its absence" });
      },
    }
    : {}
);

const noEmptyCatch = rule((context, path) => ({
  CatchClause(node) {
    if (node.body.body.length > 0) return;
    // A comment is a reason where a tool cleans up; in deployed code it would still hide an outage.
    const reason = context.sourceCode.getText(node.body).replace(/[{}\s]/g, "");
    if (reason && !isDeployed(path)) return;
    context.report({
      node,
      message: "An empty catch hides an outage: handle it or let it through",
    });
  },
}));

const noErrorJson = rule((context, path) =>
  isDeployed(path)
    ? {
      CallExpression(node) {
        const [first] = node.arguments;
        if (node.callee.type !== "MemberExpression" || first?.type !== "ObjectExpression") return;
        if (context.sourceCode.getText(node.callee.property) !== "json") return;
        const named = first.properties.some((property) =>
          property.type === "Property" &&
          /^["']?error["']?$/.test(context.sourceCode.getText(property.key))
        );
        if (!named) return;
        context.report({ node, message: "Handlers throw AppError; onError writes the answer" });
      },
    }
    : {}
);

/** Every place an import specifier can stand, with whether it is gone at run time. */
function visitSpecifiers(
  visit: (source: Node, specifier: string, typeOnly: boolean) => void,
): Visitor {
  return {
    ImportDeclaration(node) {
      const named = node.specifiers.length > 0 &&
        node.specifiers.every((one) => one.type === "ImportSpecifier" && one.importKind === "type");
      visit(node.source, node.source.value, node.importKind === "type" || named);
    },
    ExportNamedDeclaration(node) {
      if (node.source) visit(node.source, node.source.value, node.exportKind === "type");
    },
    ExportAllDeclaration(node) {
      visit(node.source, node.source.value, node.exportKind === "type");
    },
    ImportExpression(node) {
      const { source } = node;
      if (source.type === "Literal" && typeof source.value === "string") {
        visit(source, source.value, false);
      }
    },
  };
}

const importsByExtension = rule((context) =>
  visitSpecifiers((node, specifier) => {
    if (!specifier.startsWith(".") || /\.(ts|mjs|json)$/.test(specifier)) return;
    context.report({ node, message: 'Relative imports end in ".ts", as Deno resolves them' });
  })
);

const bareImports = rule((context) =>
  visitSpecifiers((node, specifier) => {
    if (!/^(npm|jsr|https?):/.test(specifier)) return;
    context.report({
      node,
      message: `"${specifier}" is no bare name`,
      hint: "Third-party code is imported by its name in deno.json",
    });
  })
);

const arrowsOneWay = rule((context, path) =>
  visitSpecifiers((node, specifier, typeOnly) => {
    if (!specifier.startsWith(".")) return;
    const reason = refuseArrow({ from: path, to: resolveFrom(dirname(path), specifier), typeOnly });
    if (reason) context.report({ node, message: `Import against the arrows: ${reason}` });
  })
);

const shortHandlers = rule((context, path) => {
  if (!/^supabase\/functions\/[^/]+\/routes\//.test(path)) return {};
  const declared = new Map<string, Node>();
  const named: string[] = [];
  const measure = (handler: Node) => {
    const lines = context.sourceCode.getText(handler).split("\n").length;
    if (lines <= MAX_HANDLER_LINES) return;
    context.report({
      node: handler,
      message: `The handler has ${lines} lines, ${MAX_HANDLER_LINES} are allowed`,
      hint: "Move the rule it contains to the domain module or the store",
    });
  };
  return {
    FunctionDeclaration(node) {
      if (node.id) declared.set(node.id.name, node);
    },
    VariableDeclarator(node) {
      if (node.id.type === "Identifier" && node.init) declared.set(node.id.name, node.init);
    },
    CallExpression(node) {
      if (node.callee.type !== "MemberExpression") return;
      if (context.sourceCode.getText(node.callee.property) !== "openapi") return;
      const handler = node.arguments[1];
      if (handler?.type === "Identifier") named.push(handler.name);
      else if (handler) measure(handler);
    },
    "Program:exit"() {
      for (const name of named) {
        const handler = declared.get(name);
        if (handler) measure(handler);
      }
    },
  };
});

const oneRouteAFile = rule((context, path) => {
  if (placeOf(path).layer !== "function") return {};
  let seen = 0;
  return {
    CallExpression(node) {
      if (context.sourceCode.getText(node.callee) !== "createRoute") return;
      if (++seen === 1 && path.includes("/routes/")) return;
      context.report({ node, message: "One route a file, in the function's routes/ folder" });
    },
  };
});

const everyTestRuns = rule((context, path) =>
  placeOf(path).layer === "tests"
    ? {
      MemberExpression(node) {
        if (!/^(it|test|describe)\.(only|skip|todo)$/.test(context.sourceCode.getText(node))) {
          return;
        }
        context.report({
          node,
          message: "No test is skipped or focused in the tree",
          hint: "Say what it needs with `runIf`, or remove it",
        });
      },
    }
    : {}
);

const testNames = rule((context, path) =>
  placeOf(path).layer === "tests"
    ? {
      CallExpression(node) {
        const [name] = node.arguments;
        if (name?.type !== "Literal" || typeof name.value !== "string") return;
        if (!/^(it|test)$/.test(context.sourceCode.getText(node.callee))) return;
        if (!/^(it )?(works|is correct|is ok)$/i.test(name.value.trim())) return;
        context.report({ node: name, message: "A test's name says what is so, not that it works" });
      },
    }
    : {}
);

const errorSentences = rule((context, path) => {
  if (placeOf(path).layer === "tests") return {};
  return {
    NewExpression(node) {
      if (!/(^|\.)(\w*Error)$/.test(context.sourceCode.getText(node.callee))) return;
      for (const argument of node.arguments) {
        if (argument.type !== "Literal" || typeof argument.value !== "string") continue;
        const text = argument.value;
        // An error code such as "video_not_found" is no sentence.
        if (!text.includes(" ")) continue;
        const fault = findFault(text);
        if (fault) context.report({ node: argument, message: `Error messages ${fault}` });
      }
    },
  };
});

function findFault(text: string): string | undefined {
  if (/^[a-z]/.test(text)) return "begin with a capital letter";
  if (/[.!]$/.test(text)) return "end without a full stop";
  if (/\w(n't|'re|'ll|'ve)\b/.test(text)) return "have no contractions";
  return undefined;
}

/** Rules of this project that Deno's own linter does not know. CONTRIBUTING.md lists them. */
export default {
  name: "house",
  rules: {
    "arrows-one-way": arrowsOneWay,
    "bare-imports": bareImports,
    "env-in-one-place": envInOnePlace,
    "error-sentences": errorSentences,
    "every-test-runs": everyTestRuns,
    "imports-by-extension": importsByExtension,
    "no-as-any": noAsAny,
    "no-empty-catch": noEmptyCatch,
    "no-error-json": noErrorJson,
    "no-non-null": noNonNull,
    "no-type-suppression": noTypeSuppression,
    "one-route-a-file": oneRouteAFile,
    "short-handlers": shortHandlers,
    "test-names": testNames,
  },
} satisfies Deno.lint.Plugin;
