/** Sizes of cards and rooms, in the units of the picture: pixels at a zoom of 1. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The upper left corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export type Rect = Point & Size;

export const CARD: Size = { width: 208, height: 60 };
export const GAP = 16;
/** The space between the border of a room, hall or wing and its content, and the height of its title. */
export const PADDING = 16;
export const ROOM_TITLE = 40;
export const HALL_TITLE = 60;
export const WING_TITLE = 84;
/** Between two halls. */
export const AISLE = 40;
