/**
 * What a page shows: its accessibility tree with ids, from a snapshot of the document and the browser's own
 * tree, without touching the page.
 *
 * Ids count the elements in document order when they are first seen, and stay with the element. The
 * benchmark's own display (reward, cover, task) has none and is not shown.
 *
 * @module
 */

/** What `DOMSnapshot.captureSnapshot` gives, as far as it is read. */
export interface DocumentSnapshot {
  /** All texts; numbers elsewhere are positions here. */
  readonly strings: readonly string[];
  /** Documents, the page itself first. */
  readonly documents: readonly {
    readonly nodes: {
      readonly parentIndex: readonly number[];
      readonly nodeType: readonly number[];
      readonly nodeName: readonly number[];
      readonly backendNodeId: readonly number[];
      readonly attributes: readonly (readonly number[])[];
      readonly isClickable?: { readonly index: readonly number[] };
    };
    readonly layout: {
      readonly nodeIndex: readonly number[];
      readonly bounds: readonly (readonly number[])[];
      readonly clientRects?: readonly (readonly number[])[];
      readonly scrollRects?: readonly (readonly number[])[];
    };
  }[];
}

/** A node of `Accessibility.getFullAXTree`, as far as it is read. */
export interface AccessibleNode {
  readonly nodeId: string;
  readonly ignored: boolean;
  readonly role?: { readonly value?: unknown };
  readonly name?: { readonly value?: unknown };
  readonly value?: { readonly value?: unknown };
  readonly properties?: readonly {
    readonly name: string;
    readonly value: { readonly value?: unknown };
  }[];
  readonly childIds?: readonly string[];
  readonly backendDOMNodeId?: number;
}

/** One element of a page. */
interface PageElement {
  readonly tag: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly clickable: boolean;
  readonly scrollable: boolean;
  readonly box: readonly number[] | undefined;
}

/** One line of the tree. */
export interface PageNode {
  /** Levels below the root. */
  readonly depth: number;
  /** Role in the accessibility tree. */
  readonly role: string;
  /** Accessible name; empty if there is none. */
  readonly name: string;
  /** Whether the name consists of blanks alone. */
  readonly blank?: boolean;
  /** Id, for elements. */
  readonly id?: number;
  /** The browser's own number of the element. */
  readonly backend?: number;
  /** Value of a field. */
  readonly value?: string;
  /** Element name in lower case, and its attributes. */
  readonly tag: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** `clickable`, `focused`, `expanded`, `checked`, `selected`, `disabled`, `hasPopup=…`, in this order. */
  readonly states: readonly string[];
  /** Whether it takes the focus. */
  readonly focusable: boolean;
  /** Whether it has a box on the page. */
  readonly visible: boolean;
  /** Whether its content is larger than its box. */
  readonly scrollable: boolean;
}

/** Elements of the benchmark's own display. */
const OWN: ReadonlySet<string> = new Set(
  ["reward-display", "click-canvas", "sync-task-cover", "query"],
);
const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map();
/** States of the accessibility tree in the order in which they are told. */
const STATES = ["focused", "expanded", "checked", "selected", "disabled"];

/** Ids of elements through an episode. */
export class ElementIds {
  readonly #ids = new Map<number, number>();

  /** The id of an element; the next number when it is seen first. */
  of(backend: number): number {
    const id = this.#ids.get(backend) ?? this.#ids.size + 1;
    this.#ids.set(backend, id);
    return id;
  }

  /** Whether an element has an id. */
  has(backend: number): boolean {
    return this.#ids.has(backend);
  }
}

/** Elements of the page's document by number, and those of the benchmark's own display. */
function readElements(
  snapshot: DocumentSnapshot,
  ids: ElementIds,
): {
  elements: Map<number, PageElement>;
  own: Set<number>;
  /** Texts that listen themselves, as in an editor. */
  texts: Set<number>;
} {
  const elements = new Map<number, PageElement>();
  const own = new Set<number>(), texts = new Set<number>();
  const document = snapshot.documents[0];
  if (!document) return { elements, own, texts };
  const { nodes, layout } = document;
  const clickable = new Set(nodes.isClickable?.index);
  const places = new Map(layout.nodeIndex.map((node, place) => [node, place]));
  const hidden = new Set<number>();
  for (const [i, type] of nodes.nodeType.entries()) {
    const parent = nodes.parentIndex[i]!;
    const attributes = readAttributes(nodes.attributes[i], snapshot.strings);
    if (hidden.has(parent) || OWN.has(attributes.get("id") ?? "")) {
      hidden.add(i);
      own.add(nodes.backendNodeId[i]!);
      continue;
    }
    if (type === 3 && clickable.has(i)) texts.add(nodes.backendNodeId[i]!);
    if (type !== 1) continue;
    const tag = snapshot.strings[nodes.nodeName[i]!]!.toLowerCase();
    const backend = nodes.backendNodeId[i]!;
    ids.of(backend);
    if (tag.startsWith("::")) continue; // counted, but nothing to act on
    const place = places.get(i);
    const scroll = place === undefined
      ? undefined
      : layout.scrollRects?.[place];
    const client = place === undefined
      ? undefined
      : layout.clientRects?.[place];
    elements.set(backend, {
      tag,
      attributes,
      clickable: clickable.has(i),
      scrollable: (scroll?.[3] ?? 0) > (client?.[3] ?? 0) + 1 &&
        (client?.[3] ?? 0) > 0,
      box: place === undefined ? undefined : layout.bounds[place],
    });
  }
  return { elements, own, texts };
}

function readAttributes(
  pairs: readonly number[] | undefined,
  strings: readonly string[],
): ReadonlyMap<string, string> {
  if (!pairs || pairs.length === 0) return NO_ATTRIBUTES;
  const attributes = new Map<string, string>();
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    attributes.set(strings[pairs[i]!]!, strings[pairs[i + 1]!]!);
  }
  return attributes;
}

/**
 * Reads a page's tree.
 *
 * @param snapshot The document.
 * @param tree The accessibility tree; its nodes may stand in any order.
 * @param ids Ids of the episode; new elements get theirs.
 * @returns Lines in reading order: what can be clicked, has a role or a text.
 */
export function readPage(
  snapshot: DocumentSnapshot,
  tree: readonly AccessibleNode[],
  ids: ElementIds,
): PageNode[] {
  const { elements, own, texts } = readElements(snapshot, ids);
  const nodes = new Map(tree.map((node) => [node.nodeId, node]));
  const lines: PageNode[] = [];
  const seen = new Set<string>();
  const walk = (node: AccessibleNode, depth: number, above: string) => {
    if (seen.has(node.nodeId)) return;
    seen.add(node.nodeId);
    const { backendDOMNodeId: backend } = node;
    if (backend !== undefined && own.has(backend)) return;
    const role = String(node.role?.value ?? "none");
    if (role === "InlineTextBox" || role === "LineBreak") return;
    const element = backend === undefined ? undefined : elements.get(backend);
    const listens = backend !== undefined && texts.has(backend);
    const line = lineOf(node, { role, depth, above, element, listens, ids });
    if (line) lines.push(line);
    const inner = line ? depth + 1 : depth;
    const name = line ? line.name : above;
    for (const id of node.childIds ?? []) {
      const child = nodes.get(id);
      if (child) walk(child, inner, name);
    }
  };
  if (tree[0]) walk(tree[0], 0, "");
  return lines;
}

/** The line of a node; nothing for wrappers, and for texts that repeat the name above. */
function lineOf(
  node: AccessibleNode,
  options: {
    readonly role: string;
    readonly depth: number;
    readonly above: string;
    readonly element: PageElement | undefined;
    /** Whether a text listens itself. */
    readonly listens: boolean;
    readonly ids: ElementIds;
  },
): PageNode | undefined {
  const { role, depth, above, element, listens, ids } = options;
  if (node.ignored || role === "RootWebArea" || role === "none") return;
  const given = String(node.name?.value ?? "");
  const name = given.trim();
  if (role === "StaticText") {
    if (name === "" || name === above) return;
    return {
      ...{ depth, role, name, tag: "", attributes: NO_ATTRIBUTES },
      states: listens ? ["clickable"] : [],
      ...{ focusable: false, visible: true, scrollable: false },
    };
  }
  const clickable = element?.clickable ?? false;
  if (role === "generic" && !clickable) return;
  const properties = new Map(
    node.properties?.map(({ name, value }) => [name, value.value]),
  );
  const popup = properties.get("hasPopup");
  const states = [
    ...(popup && popup !== "false" ? [`hasPopup=${popup}`] : []),
    ...(clickable ? ["clickable"] : []),
    ...STATES.filter((state) => {
      const value = properties.get(state);
      return value === true || value === "true";
    }),
  ];
  const { backendDOMNodeId: backend } = node;
  const value = node.value?.value;
  const [, , width = 0, height = 0] = element?.box ?? [];
  return {
    depth,
    role,
    name,
    ...(name === "" && given !== "" && { blank: true }),
    ...(element && backend !== undefined && { id: ids.of(backend), backend }),
    ...(value !== undefined && value !== "" && { value: String(value) }),
    tag: element?.tag ?? "",
    attributes: element?.attributes ?? NO_ATTRIBUTES,
    states,
    focusable: properties.get("focusable") === true,
    visible: width > 0 && height > 0,
    scrollable: element?.scrollable ?? false,
  };
}

/**
 * Shortens a page for reading: without the outermost element, which only listens for the whole page; without
 * texts that repeat the value of their field; the only text of an unnamed element becomes its name; what has
 * neither name nor text is told by its class or id.
 *
 * @param nodes The page.
 * @returns Fewer lines, with the same ids.
 */
export function shortenPage(nodes: readonly PageNode[]): PageNode[] {
  const outer = nodes[0];
  const whole = outer?.role === "generic" && outer.depth === 0 &&
    nodes.slice(1).every(({ depth }) => depth > 0);
  const rest = whole
    ? nodes.slice(1).map((node) => ({ ...node, depth: node.depth - 1 }))
    : nodes;
  const short: PageNode[] = [];
  for (let i = 0; i < rest.length; i++) {
    const node = rest[i]!;
    const below: PageNode[] = [];
    for (let j = i + 1; j < rest.length && rest[j]!.depth > node.depth; j++) {
      below.push(rest[j]!);
    }
    const [text] = below;
    const alone = below.length === 1 && text!.role === "StaticText";
    if (alone && node.value === text!.name) {
      short.push(node);
      i++;
    } else if (alone && node.name === "" && node.id !== undefined) {
      short.push({ ...node, name: text!.name });
      i++;
    } else if (
      node.id !== undefined && node.name === "" && below.length === 0
    ) {
      const { attributes } = node;
      const mark = attributes.get("class") ?? attributes.get("id") ?? "";
      short.push(
        mark === "" || node.role === "textbox" ? node : { ...node, name: mark },
      );
    } else short.push(node);
  }
  return short;
}

/** Most characters of a name or value (the benchmark's longest has 1,331), and of a whole page. */
const LONGEST_NAME = 2000, LONGEST_PAGE = 12_000;

/** A text of a page in quotes: one line, bounded, without control tokens of language models. */
export function quoted(text: string, longest = LONGEST_NAME): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return JSON.stringify(
    short.replaceAll("<|", "<\u200b|").replace(/[\u2028\u2029]/g, " "),
  );
}

/**
 * Formats lines of a page as text, two blanks a level.
 *
 * @param nodes The lines.
 * @returns The text; where it would be longer than 12,000 characters, how many lines are left out.
 */
export function formatPage(nodes: readonly PageNode[]): string {
  const lines: string[] = [];
  let length = 0;
  for (const [i, node] of nodes.entries()) {
    const line = formatNode(node);
    length += line.length + 1;
    if (length > LONGEST_PAGE) {
      lines.push(`… ${nodes.length - i} more lines`);
      break;
    }
    lines.push(line);
  }
  return lines.join("\n");
}

function formatNode(node: PageNode): string {
  const { depth, id, role, name, blank = false, value, states } = node;
  return [
    "  ".repeat(Math.min(depth, 20)) + (id === undefined ? "" : `[${id}] `) +
    role,
    ...(name === "" && !blank ? [] : [quoted(name)]),
    ...(value === undefined ? [] : [`value=${quoted(value)}`]),
    ...states,
  ].join(" ");
}
