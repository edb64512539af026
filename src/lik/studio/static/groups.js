/** The traits of CelebA in groups, as people look for them; others come under "other". */
const GROUPS = {
  expression: ["Smiling", "Mouth_Slightly_Open", "High_Cheekbones", "Narrow_Eyes"],
  hair: [
    "Bangs", "Wavy_Hair", "Straight_Hair", "Bald", "Receding_Hairline", "No_Beard", "Mustache",
    "Goatee", "Sideburns", "5_o_Clock_Shadow", "Bushy_Eyebrows", "Arched_Eyebrows",
  ],
  age: ["Young", "Bags_Under_Eyes", "Double_Chin", "Chubby"],
  accessories: [
    "Eyeglasses", "Wearing_Hat", "Wearing_Earrings", "Wearing_Necklace", "Wearing_Necktie",
    "Wearing_Lipstick", "Heavy_Makeup",
  ],
  colour: [
    "Black_Hair", "Brown_Hair", "Blond_Hair", "Gray_Hair", "Pale_Skin", "Rosy_Cheeks",
  ],
  other: [],
};

/**
 * @param {{name: string}[]} traits of a run
 * @returns {[string, object[]][]} groups that hold any, each with its traits in order
 */
export function grouped(traits) {
  const known = new Map(traits.map((trait) => [trait.name, trait]));
  const found = Object.entries(GROUPS).map(([group, names]) => [
    group,
    names.filter((name) => known.has(name)).map((name) => known.get(name)),
  ]);
  const named = new Set(Object.values(GROUPS).flat());
  found.find(([group]) => group === "other")[1].push(
    ...traits.filter((trait) => !named.has(trait.name)),
  );
  return found.filter(([, own]) => own.length);
}
