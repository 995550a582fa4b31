export function Logo() {
  return (
    <h1 class="logo">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <circle cx="16" cy="17" r="12" />
        <circle cx="16" cy="14" r="6.5" />
        <path d="M16 5V2M6.5 24.5 23 10" />
      </svg>
      <span>Astrolabe</span>
    </h1>
  );
}
