/** Text that is safe to type into a terminal: line ends are CR; ESC, DEL and all other control
 * characters but TAB are removed, so that no text can end a bracketed paste or act as a key. */
export function sanitizePaste(text: string): string {
  return text.replace(/\r\n?|\n/g, "\r").replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, "");
}
