import { styleText } from "node:util";
import type { CliContext } from "./context.ts";

export type Colour = "red" | "green" | "yellow" | "bold" | "dim";

/** The text in a colour, where the command writes to a terminal that shows it. */
export function paint({ colour }: CliContext, style: Colour, text: string): string {
  return colour ? styleText(style, text, { validateStream: false }) : text;
}

/**
 * Whether to colour what goes to standard output.
 * Shape: NO_COLOR with any value but an empty one switches colours off (no-color.org), and so does a
 * terminal that calls itself dumb.
 */
export function wantsColour(isTerminal: boolean, env: CliContext["env"]): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== "dumb";
}
