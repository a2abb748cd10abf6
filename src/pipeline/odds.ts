/** Whether a guess is worth trying, by how such guesses went of late. */
export type Odds = {
  worthTrying(): boolean;
  tried(held: boolean): void;
};

/** Each try counts so much in the share of those that held. */
const WEIGHT = 1 / 16;
/** A wrong guess costs about what a right one saves. */
const WORTH_TRYING = 0.5;
/** Of those that are not worth it, so many are tried all the same: times change. */
const EXPLORED = 1 / 64;

/** Begins with trust. */
export function makeOdds(chance: { random(): number }): Odds {
  let heldShare = 1;
  return {
    worthTrying: () => heldShare >= WORTH_TRYING || chance.random() < EXPLORED,
    tried(held) {
      heldShare += WEIGHT * ((held ? 1 : 0) - heldShare);
    },
  };
}
