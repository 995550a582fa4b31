/** The server breaks the contract of the stream: what it sends does not fit what came before. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}
