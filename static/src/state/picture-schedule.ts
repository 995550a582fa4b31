/** Milliseconds between two pictures under live changes. */
const PICTURE_EVERY = 120;

/** Many changes, one picture: with the next frame that is far enough from the last. */
export class PictureSchedule {
  readonly #draw: () => void;
  #isDue = false;
  #drawnAt = 0;

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  request(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const wait = Math.max(0, this.#drawnAt + PICTURE_EVERY - performance.now());
    setTimeout(() => {
      requestAnimationFrame(() => {
        this.#isDue = false;
        this.#draw();
      });
    }, wait);
  }

  /** A picture was drawn, for whatever reason. */
  drawn(): void {
    this.#drawnAt = performance.now();
  }
}
