/** The server violates the protocol: a message is malformed or does not follow from the ones before. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}
