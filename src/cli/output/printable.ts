/**
 * Text from a server or a signer may carry terminal control sequences, or marks that make it read backwards; they are shown, never obeyed.
 * Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[^\P{Cc}\n\t]|\p{Bidi_C}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
