import { Observable } from 'rxjs';

/**
 * The latest of what comes, at most once in so many milliseconds: the first at once. With `idle`, the last again
 * when nothing came for so long.
 */
export function pace<T>(source: Observable<T>, { gap, idle }: { gap: number; idle?: number }): Observable<T> {
  return new Observable((subscriber) => {
    let latest: T;
    let due = false;
    let resting = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const emit = () => {
      due = resting = false;
      timer = setTimeout(rest, gap);
      subscriber.next(latest);
    };
    const rest = () => {
      if (due) {
        emit();
      } else {
        resting = true;
        timer = idle === undefined ? undefined : setTimeout(emit, Math.max(idle - gap, 0));
      }
    };
    const subscription = source.subscribe({
      next: (value) => {
        latest = value;
        if (resting) {
          clearTimeout(timer);
          emit();
        } else {
          due = true;
        }
      },
      error: (error) => subscriber.error(error),
      complete: () => {
        if (due) {
          emit();
        }
        subscriber.complete();
      },
    });
    return () => {
      clearTimeout(timer);
      subscription.unsubscribe();
    };
  });
}
