import { createRandom, type TextEnv } from "@hiper/lab";

/** Bread is sold in one of two shops; a note at home says in which. */
export function openEnv(_spec: unknown, seed: number): TextEnv {
  const shop = createRandom(seed).fork("shop").integer(2) === 0 ? -2 : 2;
  const note = `A note says: bread in the ${shop < 0 ? "west" : "east"}.`;
  let place = 0, bought = false;
  const look = () => ({
    text: [
      note,
      "You are on a street.",
      "You are in a shop.",
    ][Math.abs(place)]!,
    admissibleActions: Math.abs(place) < 2 ? ["go west", "go east"] : ["buy"],
    stateKey: `${shop} ${place}`,
  });
  return {
    start: () => ({ task: "buy bread", observation: look() }),
    step(action) {
      if (bought) throw new Error("Cannot step an episode that has ended");
      if (look().admissibleActions.includes(action)) {
        if (action === "buy") bought = true;
        else place += action === "go east" ? 1 : -1;
      }
      const success = bought && place === shop;
      const end = bought ? { ending: "terminated" as const } : {};
      return { observation: look(), reward: Number(success), success, ...end };
    },
  };
}

/** What a policy without words of its own may pursue there. */
export const proposeSubgoals = () => ["shop in the west", "shop in the east"];
