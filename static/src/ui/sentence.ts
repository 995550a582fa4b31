/** With a capital and a full stop. */
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return whole === "" || /[.!?…]$/.test(whole) ? whole : `${whole}.`;
}
