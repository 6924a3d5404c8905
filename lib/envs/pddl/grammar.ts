/**
 * The text grammar of a game, compiled once into closures: command and feedback of each action.
 *
 * @module
 */

import { GameError, quoted } from "./error.ts";
import type { FactTable } from "./facts.ts";
import {
  burn,
  type Derivation,
  matchAtom,
  MAX_LENGTH,
  MAX_SLOTS,
  type Text,
  tooLong,
} from "./query.ts";
import {
  ATTRIBUTES,
  type Expression,
  type QueryAtom,
  readExpression,
  readQuery,
  readRhs,
  type RhsSymbol,
  type RhsValue,
} from "./rhs.ts";
import type { Twl2 } from "./twl2.ts";

const MAX_DEPTH = 64;
const MAX_TEXTS = 20_000;
const MAX_SYMBOLS = 200_000;

/** Placeholders in scope with the types of their entities; the place in the list is the slot. */
type Scope = readonly { readonly name: string; readonly type: string }[];

/** Facts that can ever hold; display name, id and type of each entity. */
interface GrammarWorld {
  readonly facts: FactTable;
  readonly names: readonly string[];
  readonly ids: readonly string[];
  readonly types: readonly string[];
}

/** Compiles texts of one grammar; the same rule in the same scope is compiled once. */
export class GrammarCompiler {
  /** Ends of texts that the parser ignores. */
  readonly warnings: string[] = [];
  readonly #grammar: Twl2;
  readonly #world: GrammarWorld;
  readonly #rules = new Map<
    string,
    { text: Text; changing: boolean } | "open"
  >();
  readonly #path: string[] = [];
  #changing = false;
  #symbols = 0;

  constructor(grammar: Twl2, world: GrammarWorld) {
    this.#grammar = grammar;
    this.#world = world;
  }

  /** Compiles one text, and finds whether it reads facts that can change; `where` locates errors. */
  compile(
    text: string,
    where: string,
    parameters: Scope,
  ): { readonly text: Text; readonly changing: boolean } {
    if (parameters.length > MAX_SLOTS) {
      throw this.#error(
        "E_GRAMMAR_LIMIT",
        `an action may have ${MAX_SLOTS} parameters`,
        where,
      );
    }
    this.#changing = false;
    const compiled = this.#sequence(text, where, parameters);
    return { text: compiled, changing: this.#changing };
  }

  #error(code: string, reason: string, where: string): GameError {
    return new GameError(reason, { code, section: "grammar", where });
  }

  #sequence(source: string, where: string, scope: Scope): Text {
    const { symbols, cutAt } = readRhs(source);
    if ((this.#symbols += symbols.length) > MAX_SYMBOLS) {
      throw this.#error(
        "E_GRAMMAR_LIMIT",
        `texts may unfold to ${MAX_SYMBOLS} symbols`,
        where,
      );
    }
    if (cutAt !== undefined) {
      const warning = `${where}: text after column ${
        cutAt + 1
      } is not read, as ${quoted(source[cutAt]!)} starts no symbol there`;
      if (!this.warnings.includes(warning)) this.warnings.push(warning);
    }
    const parts = symbols.map((symbol) => this.#symbol(symbol, where, scope));
    if (parts.length === 0) return () => "";
    if (parts.length === 1) return parts[0]!;
    return (d) => {
      let text = "";
      for (const part of parts) text += part(d);
      if (text.length > MAX_LENGTH) throw tooLong(where);
      return text;
    };
  }

  #symbol(symbol: RhsSymbol, where: string, scope: Scope): Text {
    switch (symbol.kind) {
      case "text": {
        const { text } = symbol;
        return () => text;
      }
      case "rule":
        return this.#rule(symbol.name, where, scope);
      case "value":
        return this.#value(symbol, where, scope);
      case "list":
        return this.#list(symbol.value, where, scope);
    }
  }

  #rule(name: string, where: string, scope: Scope): Text {
    const alternatives = this.#grammar.rules.get(name);
    if (alternatives === undefined) {
      throw this.#error(
        "E_GRAMMAR_RULE",
        `rule ${quoted(name)} must exist`,
        where,
      );
    }
    const key = JSON.stringify([name, scope]);
    const known = this.#rules.get(key);
    if (known === "open") {
      const path = [...this.#path, name].map(quoted).join(" → ");
      throw this.#error(
        "E_GRAMMAR_CYCLE",
        `rules must come to an end: ${path}`,
        where,
      );
    }
    if (known !== undefined) {
      this.#changing ||= known.changing;
      return known.text;
    }
    if (this.#path.length >= MAX_DEPTH || this.#rules.size >= MAX_TEXTS) {
      throw this.#error(
        "E_GRAMMAR_LIMIT",
        `rules may nest ${MAX_DEPTH} deep and unfold ${MAX_TEXTS} times`,
        where,
      );
    }
    const outerChanging = this.#changing;
    this.#changing = false;
    this.#rules.set(key, "open");
    this.#path.push(name);
    const rule = `rule ${quoted(name)}`;
    const choices = alternatives.map(({ condition, rhs }) => ({
      holds: condition.trim() === ""
        ? undefined
        : this.#query(condition, rule, scope, () => () => true).run,
      text: this.#sequence(rhs, rule, scope),
    }));
    this.#path.pop();
    const text = chooseFirst(choices, name);
    this.#rules.set(key, { text, changing: this.#changing });
    this.#changing ||= outerChanging;
    return text;
  }

  #value(value: RhsValue, where: string, scope: Scope): Text {
    if (value.query === undefined) return this.#inner(value, where, scope);
    const values = this.#values(value, where, scope);
    return (d) => values(d).join("");
  }

  #inner(value: RhsValue, where: string, scope: Scope): Text {
    if (value.inner.kind === "rule") {
      return this.#rule(value.inner.name, where, scope);
    }
    const expression = readExpression(value.inner.text);
    if (expression === undefined) {
      throw this.#error(
        "E_GRAMMAR_EXPR",
        `${quoted(value.inner.text)} must be made of variables, attributes (${
          ATTRIBUTES.join(", ")
        }), quoted text, + and or`,
        where,
      );
    }
    return this.#expression(expression, where, scope);
  }

  #expression(expression: Expression, where: string, scope: Scope): Text {
    if (expression.kind === "text") {
      const { text } = expression;
      return () => text;
    }
    if (expression.kind === "attribute") {
      return this.#attribute(expression, where, scope);
    }
    const parts = expression.parts.map((part) =>
      this.#expression(part, where, scope)
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

  #attribute(
    { variable, attribute }: Expression & { readonly kind: "attribute" },
    where: string,
    scope: Scope,
  ): Text {
    const slot = scope.findLastIndex(({ name }) => name === variable);
    if (slot < 0) {
      throw this.#error(
        "E_GRAMMAR_VARIABLE",
        `variable ${quoted(variable)} must be bound`,
        where,
      );
    }
    if (attribute === "indefinite") return () => "a";
    if (attribute === "definite") return () => "the";
    const { names, ids, types } = this.#world;
    const column = attribute === "id"
      ? ids
      : attribute === "type"
      ? types
      : names;
    return (d) => column[d.slots[slot]!]!;
  }

  /** The values of a conditional: one, or one for each match. */
  #values(
    value: RhsValue,
    where: string,
    scope: Scope,
  ): (derivation: Derivation) => readonly string[] {
    if (value.query === undefined) {
      const inner = this.#inner(value, where, scope);
      return (d) => [inner(d)];
    }
    const { run } = this.#query(value.query, where, scope, (extended) => {
      const inner = this.#inner(value, where, extended);
      return (d) => {
        const { values } = d;
        const text = inner(d);
        d.values = values; // the inner text may have had values of its own
        values.push(text);
        return false;
      };
    });
    return (d) => {
      const outer = d.values;
      const values: string[] = [];
      d.values = values;
      run(d);
      d.values = outer;
      return values;
    };
  }

  #list(value: RhsValue, where: string, scope: Scope): Text {
    const values = this.#values(value, where, scope);
    // A list needs these rules only where its length asks for them.
    const rule = (name: string): Text =>
      this.#grammar.rules.has(name) ? this.#rule(name, where, scope) : () => {
        throw this.#error(
          "E_GRAMMAR_RULE",
          `rule ${quoted(name)} must exist`,
          where,
        );
      };
    const empty = rule("list_empty");
    const separator = rule("list_separator");
    const last = rule("list_last_separator");
    return (d) => {
      const list = values(d);
      const count = list.length;
      if (count === 0) return empty(d);
      if (count === 1) return list[0]!;
      const comma = count > 2 ? separator(d) : "";
      let text = list[0]!;
      for (let i = 1; i < count - 1; i++) text += comma + list[i]!;
      text += last(d) + list[count - 1]!;
      if (text.length > MAX_LENGTH) throw tooLong(where);
      return text;
    };
  }

  /** Compiles a query that calls a visitor for every match until the visitor returns true. */
  #query(
    source: string,
    where: string,
    scope: Scope,
    visitor: (extended: Scope) => (derivation: Derivation) => boolean,
  ): { readonly run: (derivation: Derivation) => boolean } {
    const atoms = readQuery(source);
    if (typeof atoms === "string") {
      throw this.#error("E_GRAMMAR_QUERY", atoms, where);
    }
    const steps: { atom: QueryAtom; slots: number[]; bound: number }[] = [];
    const extended = scope.slice();
    for (const atom of atoms) {
      const bound = extended.length;
      const slots = atom.args.map(({ name, type }) => {
        const known = extended.findIndex((p) =>
          p.name === name && p.type === type
        );
        return known >= 0 ? known : extended.push({ name, type }) - 1;
      });
      steps.push({ atom, slots, bound });
      if (this.#world.facts.canChange(atom.predicate)) this.#changing = true;
    }
    if (extended.length > MAX_SLOTS) {
      throw this.#error(
        "E_GRAMMAR_LIMIT",
        `a text may bind ${MAX_SLOTS} placeholders`,
        where,
      );
    }
    let run = visitor(extended);
    for (const { atom, slots, bound } of steps.reverse()) {
      const types = atom.args.map(({ type }) => type);
      const list = this.#world.facts.list(atom.predicate, types);
      run = matchAtom(list, slots, bound, run);
    }
    return { run };
  }
}

/** Compiles a rule: the first alternative whose query has a match is written. */
function chooseFirst(
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
