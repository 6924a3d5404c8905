/**
 * The rules of the household as in its game files: a PDDL domain and a text grammar, equal in meaning
 * and wording to ALFWorld's.
 *
 * @module
 */

/** One action: precondition, effect, command and feedback. */
interface ActionRule {
  readonly name: string;
  readonly parameters: string;
  readonly needs: string;
  readonly changes: string;
  readonly command: string;
  readonly answer: string;
}

/** The agent stands where the receptacle is reached from. */
const HERE = "(atLocation ?a ?l) (receptacleAtLocation ?r ?l)";
/** Nothing is in the way of reaching in. */
const ACCESSIBLE = "(or (not (openable ?r)) (opened ?r))";

const ACTIONS: readonly ActionRule[] = [
  {
    name: "look",
    parameters: "?a - agent ?l - location",
    needs: "(atLocation ?a ?l)",
    changes: "(checked ?l)",
    command: "look",
    answer: "#look.feedback#",
  },
  {
    name: "inventory",
    parameters: "?a - agent",
    needs: "",
    changes: "(checked ?a)",
    command: "inventory",
    answer: "#inventory.feedback#",
  },
  {
    name: "examineReceptacle",
    parameters: "?a - agent ?r - receptacle",
    needs: `(exists (?l - location) (and ${HERE}))`,
    changes: "(checked ?r)",
    command: "examine {r}",
    answer: "#view(r)#",
  },
  {
    // As in ALFWorld, only a held object can be examined.
    name: "examineObject",
    parameters: "?a - agent ?o - object",
    needs: "(holds ?a ?o)",
    changes: "(checked ?o)",
    command: "examine {o}",
    answer: "#state(o)#",
  },
  {
    name: "GotoLocation",
    parameters:
      "?a - agent ?lStart - location ?lEnd - location ?r - receptacle",
    needs: "(atLocation ?a ?lStart) (receptacleAtLocation ?r ?lEnd)",
    changes: "(not (atLocation ?a ?lStart)) (atLocation ?a ?lEnd)",
    command: "go to {r}",
    answer: "You arrive at {r.name}. #view(r)#",
  },
  {
    name: "OpenObject",
    parameters: "?a - agent ?l - location ?r - receptacle",
    needs: `(openable ?r) ${HERE} (not (opened ?r))`,
    changes: "(opened ?r) (checked ?r)",
    command: "open {r}",
    answer: "You open the {r.name}. #view(r)#",
  },
  {
    name: "CloseObject",
    parameters: "?a - agent ?l - location ?r - receptacle",
    needs: `(openable ?r) ${HERE} (opened ?r)`,
    changes: "(not (opened ?r))",
    command: "close {r}",
    answer: "You close the {r.name}.",
  },
  {
    name: "PickupObject",
    parameters: "?a - agent ?l - location ?o - object ?r - receptacle",
    needs:
      `(pickupable ?o) ${HERE} (inReceptacle ?o ?r) (not (holdsAny ?a)) ${ACCESSIBLE}`,
    changes:
      "(not (inReceptacle ?o ?r)) (holds ?a ?o) (holdsAny ?a) (not (objectAtLocation ?o ?l))",
    command: "take {o} from {r}",
    answer: "You pick up the {o.name} from the {r.name}.",
  },
  {
    name: "PutObject",
    parameters:
      "?a - agent ?l - location ?o - object ?r - receptacle ?ot - otype ?rt - rtype",
    needs:
      `(holds ?a ?o) ${HERE} ${ACCESSIBLE} (objectType ?o ?ot) (receptacleType ?r ?rt) (canContain ?rt ?ot)`,
    changes:
      "(inReceptacle ?o ?r) (objectAtLocation ?o ?l) (not (holds ?a ?o)) (not (holdsAny ?a))",
    command: "move {o} to {r}",
    answer: "You move the {o.name} to the {r.name}.",
  },
  station("CleanObject", "clean", "cleanable", "SinkBasinType", "(isClean ?o)"),
  station(
    "HeatObject",
    "heat",
    "heatable",
    "MicrowaveType",
    "(isHot ?o) (not (isCool ?o))",
  ),
  station(
    "CoolObject",
    "cool",
    "coolable",
    "FridgeType",
    "(isCool ?o) (not (isHot ?o))",
  ),
  {
    name: "ToggleObject",
    parameters: "?a - agent ?l - location ?o - object ?r - receptacle",
    needs: `(toggleable ?o) ${HERE} (inReceptacle ?o ?r)`,
    changes:
      "(when (isOn ?o) (not (isOn ?o))) (when (not (isOn ?o)) (isOn ?o)) (isToggled ?o)",
    command: "use {o}",
    answer: "You turn on the {o.name}.",
  },
  {
    name: "SliceObject",
    parameters: "?a - agent ?l - location ?co - object ?ko - object",
    needs:
      "(sliceable ?co) (or (objectType ?ko KnifeType) (objectType ?ko ButterKnifeType)) (atLocation ?a ?l) (objectAtLocation ?co ?l) (holds ?a ?ko)",
    changes: "(isSliced ?co)",
    command: "slice {co} with {ko}",
    answer: "You sliced the {co.name} with the {ko.name}.",
  },
  {
    name: "help",
    parameters: "?a - agent",
    needs: "",
    changes: "(checked ?a)",
    command: "help",
    answer: "#help.feedback#",
  },
];

/** What is done to a held object at an appliance, which may stay closed. */
function station(
  name: string,
  verb: string,
  affordance: string,
  appliance: string,
  changes: string,
): ActionRule {
  return {
    name,
    parameters: "?a - agent ?l - location ?r - receptacle ?o - object",
    needs:
      `(${affordance} ?o) (receptacleType ?r ${appliance}) ${HERE} (holds ?a ?o)`,
    changes,
    command: `${verb} {o} with {r}`,
    answer: `You ${verb} the {o.name} using the {r.name}.`,
  };
}

const PREDICATES = [
  "(atLocation ?a - agent ?l - location)",
  "(receptacleAtLocation ?r - receptacle ?l - location)",
  "(objectAtLocation ?o - object ?l - location)",
  "(inReceptacle ?o - object ?r - receptacle)",
  "(inReceptacleObject ?inner - object ?outer - object)",
  "(isReceptacleObject ?o - object)",
  "(receptacleType ?r - receptacle ?t - rtype)",
  "(objectType ?o - object ?t - otype)",
  "(canContain ?rt - rtype ?ot - otype)",
  "(openable ?r - receptacle) (opened ?r - receptacle)",
  "(holds ?a - agent ?o - object) (holdsAny ?a - agent)",
  "(pickupable ?o - object)",
  "(cleanable ?o - object) (isClean ?o - object)",
  "(heatable ?o - object) (isHot ?o - object)",
  "(coolable ?o - object) (isCool ?o - object)",
  "(sliceable ?o - object) (isSliced ?o - object)",
  "(toggleable ?o - object) (isToggled ?o - object) (isOn ?o - object)",
  "(checked ?x - object)",
];

/** The PDDL domain of every household. */
export const HOUSEHOLD_DOMAIN: string = [
  "(define (domain alfred)",
  "  (:requirements :adl :typing)",
  "  (:types agent location receptacle object rtype otype)",
  "  (:predicates",
  ...PREDICATES.map((predicate) => `    ${predicate}`),
  "  )",
  ...ACTIONS.map(({ name, parameters, needs, changes }) =>
    [
      `  (:action ${name}`,
      `    :parameters (${parameters})`,
      `    :precondition (${needs === "" ? "" : `and ${needs}`})`,
      `    :effect (and ${changes}))`,
    ].join("\n")
  ),
  ")",
  "",
].join("\n");

/** One alternative of a rule, with its condition. */
interface Alternative {
  readonly condition?: string;
  readonly rhs: string;
}

/** Lists things by name: `a mug 2, and a mug 1`. */
const list = (name: string, query: string) =>
  `[{${name}.indefinite + ' ' + ${name}.name | ${query}}]`;
const CONTENTS = list("o", "inreceptacle(o:object, r:receptacle)");
const AGENT_HERE =
  "atlocation(a:agent, l:location) & receptacleatlocation(r:receptacle, l:location)";
/** On the floor is what was taken from a receptacle and put into another one here. */
const ON_FLOOR =
  "atlocation(a:agent, l:location) & objectatlocation(o:object, l:location) & receptacleatlocation(r:receptacle, l:location) & not_inreceptacle(o:object, r:receptacle)";

/** Feedback of the command `help`. */
export const HOUSEHOLD_HELP = `Available commands:
  look:                             look around your current location
  inventory:                        check your current inventory
  go to (receptacle):               move to a receptacle
  open (receptacle):                open a receptacle
  close (receptacle):               close a receptacle
  take (object) from (receptacle):  take an object from a receptacle
  move (object) to (receptacle):  place an object in or on a receptacle
  examine (something):              examine a receptacle or an object
  use (object):                     use an object
  heat (object) with (receptacle):  heat an object using a receptacle
  clean (object) with (receptacle): clean an object using a receptacle
  cool (object) with (receptacle):  cool an object using a receptacle
  slice (object) with (object):     slice an object using a sharp object
`;

/** Adjectives of an examined object, most first; the wording is the game's. */
const STATES: readonly (readonly [string, string])[] = [
  ["isclean ishot issliced", "hot and clean sliced"],
  ["isclean iscool issliced", "cool and clean sliced"],
  ["isclean issliced", "clean sliced"],
  ["ishot issliced", "hot sliced"],
  ["iscool issliced", "cool sliced"],
  ["isclean ishot", "hot and clean"],
  ["isclean iscool", "cool and clean"],
  ["ishot", "hot"],
  ["isclean", "clean"],
  ["iscool", "cold"],
];

const holdsFor = (facts: string) =>
  facts.split(" ").map((fact) => `${fact}(o:object)`).join(" & ");

const RULES: Readonly<Record<string, readonly Alternative[]>> = {
  "intro": [{
    rhs: "-= Welcome to TextWorld, ALFRED! =-\n\n#look.feedback#\n\n#task#",
  }],
  "view(r)": [
    {
      condition: "openable(r:receptacle) & opened(r:receptacle)",
      rhs: `The {r.name} is open. In it, you see ${CONTENTS}.`,
    },
    {
      condition: "openable(r:receptacle)",
      rhs: "The {r.name} is closed.",
    },
    { rhs: `On the {r.name}, you see ${CONTENTS}.` },
  ],
  "state(o)": [
    {
      condition: "isreceptacleobject(o:object)",
      rhs: `This is a normal {o.name}. In it, you see ${
        list("x", "inreceptacleobject(x:object, o:object)")
      }.`,
    },
    ...STATES.map(([facts, words]) => ({
      condition: holdsFor(facts),
      rhs: `This is a ${words} {o.name}.`,
    })),
    {
      condition: holdsFor("toggleable istoggled"),
      rhs: "This {o.name} is on.",
    },
    {
      condition: holdsFor("toggleable not_istoggled"),
      rhs: "This {o.name} is off.",
    },
    {
      condition: holdsFor("sliceable issliced"),
      rhs: "This is a sliced {o.name}.",
    },
    { rhs: "There's nothing special about {o.name}." },
  ],
  "inventory.feedback": [
    {
      condition: "holdsany(a:agent)",
      rhs: `You are carrying: ${list("o", "holds(a:agent, o:object)")}.`,
    },
    { rhs: "You are not carrying anything." },
  ],
  "look.feedback": [
    {
      condition: AGENT_HERE,
      rhs:
        `You are facing the [{r.name | ${AGENT_HERE}}]. Next to it, you see #floor#.`,
    },
    {
      rhs:
        "You are in the middle of a room. Looking quickly around you, you see #furniture#.",
    },
  ],
  "floor": [{ rhs: list("o", ON_FLOOR) }],
  "furniture": [{
    rhs: list("r", "receptacleatlocation(r:receptacle, l:location)"),
  }],
  "help.feedback": [{ rhs: HOUSEHOLD_HELP }],
  "list_empty": [{ rhs: "nothing" }],
  "list_separator": [{ rhs: ", " }],
  "list_last_separator": [{ rhs: ", and " }],
};

/** Everything of the grammar but the task. */
const ACTION_TEXTS = ACTIONS.map(({ name, command, answer }) =>
  `action ${name} {\n  template :: "${command}";\n  feedback :: "${answer}";\n}`
).join("\n\n");

/**
 * Writes the text grammar of a game; `sentence` is the task without its period.
 *
 * @throws {SyntaxError} If the sentence holds a character that ends or opens a symbol of the
 *   grammar.
 */
export function householdGrammar(sentence: string): string {
  const forbidden = /[";|<>[\]{}#\\]|[^ -~]/.exec(sentence);
  if (forbidden !== null) {
    throw new SyntaxError(
      `Cannot write a task sentence as it must be plain words: current value is "${sentence}", whose character ${forbidden.index} is not`,
    );
  }
  const rules = {
    ...RULES,
    task: [{ rhs: `Your task is to: ${sentence}.` }],
  };
  return `grammar :: """\n${
    JSON.stringify(rules, undefined, 1)
  }\n""";\n\n${ACTION_TEXTS}\n`;
}
