/**
 * The compiled forms of expressions and of choices between alternatives.
 *
 * @module
 */

import { GameError, quoted } from "./error.ts";
import type { FactTable } from "./facts.ts";
import { burn, type Derivation, type Text } from "./query.ts";
import type { Expression } from "./rhs.ts";

/** A placeholder in reach; its place in the list is its slot. */
export interface Placeholder {
  /** Name without its type. */
  readonly name: string;
  /** Type that its entities have. */
  readonly type: string;
}

/** Placeholders in reach, in the order of their slots. */
export type Scope = readonly Placeholder[];

/** What the compiler knows of the game. */
export interface GrammarWorld {
  /** Facts that can hold. */
  readonly facts: FactTable;
  /** Display name of each entity. */
  readonly names: readonly string[];
  /** Id of each entity. */
  readonly ids: readonly string[];
  /** Type of each entity. */
  readonly types: readonly string[];
}

/**
 * Compiles an expression with the placeholders in scope.
 *
 * @throws {GameError} If a variable is not in scope.
 */
export function compileExpression(
  expression: Expression,
  where: string,
  scope: Scope,
  world: GrammarWorld,
): Text {
  if (expression.kind === "text") {
    const { text } = expression;
    return () => text;
  }
  if (expression.kind === "attribute") {
    return compileAttribute(
      expression.variable,
      expression.attribute,
      where,
      scope,
      world,
    );
  }
  const parts = expression.parts.map((part) =>
    compileExpression(part, where, scope, world)
  );
  if (expression.kind === "join") {
    return (d) => {
      let text = "";
      for (const part of parts) text += part(d);
      return text;
    };
  }
  return (d) => {
    for (const part of parts) {
      const text = part(d);
      if (text !== "") return text;
    }
    return "";
  };
}

function compileAttribute(
  variable: string,
  attribute: string,
  where: string,
  scope: Scope,
  world: GrammarWorld,
): Text {
  const slot = scope.findLastIndex(({ name }) => name === variable);
  if (slot < 0) {
    throw new GameError(`variable ${quoted(variable)} must be bound`, {
      code: "E_GRAMMAR_VARIABLE",
      section: "grammar",
      where,
    });
  }
  if (attribute === "indefinite") return () => "a";
  if (attribute === "definite") return () => "the";
  const { names, ids, types } = world;
  const column = attribute === "id"
    ? ids
    : attribute === "type"
    ? types
    : names;
  return (d) => column[d.slots[slot]!]!;
}

/** Compiles a rule: the first alternative whose query has a match is written. */
export function chooseFirst(
  choices: readonly {
    readonly holds: ((derivation: Derivation) => boolean) | undefined;
    readonly text: Text;
  }[],
  name: string,
): Text {
  return (d) => {
    burn(d, 1);
    for (const { holds, text } of choices) {
      if (holds === undefined || holds(d)) return text(d);
    }
    throw new GameError(`some alternative of rule ${quoted(name)} must apply`, {
      code: "E_GRAMMAR_NO_ALTERNATIVE",
      section: "grammar",
      where: `rule ${quoted(name)}`,
    });
  };
}
