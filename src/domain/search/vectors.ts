/** The direction of a vector with one signed byte for each dimension: a quarter of the room, and nothing that ranks would notice. */
export function packVector(vector: Float32Array): Int8Array {
  let greatest = 0;
  for (const value of vector) greatest = Math.max(greatest, Math.abs(value));
  return Int8Array.from(vector, (value) => (greatest === 0 ? 0 : Math.round((value / greatest) * 127)));
}

/** How alike two directions are: 1 where they are the same, 0 where they have nothing in common or can not be compared. */
export function cosineSimilarity(left: Int8Array, right: Int8Array): number {
  if (left.length !== right.length) return 0;
  let product = 0;
  let ours = 0;
  let theirs = 0;
  for (let index = 0; index < left.length; index += 1) {
    const a = left[index] ?? 0;
    const b = right[index] ?? 0;
    product += a * b;
    ours += a * a;
    theirs += b * b;
  }
  return ours === 0 || theirs === 0 ? 0 : product / Math.sqrt(ours * theirs);
}
