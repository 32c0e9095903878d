/**
 * Text from a server or a signer may contain terminal control sequences, or marks that reverse the text; they are shown, never interpreted.
 * Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[^\P{Cc}\n\t]|\p{Bidi_C}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
