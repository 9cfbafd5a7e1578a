import { parse } from "graphql";

// Right after a change of tab GraphiQL still names the operation of the tab before: a document with one operation
// needs no name. What cannot be parsed goes as it is, so that the server says what is wrong with it.
export function withItsOperation(request) {
  let operations;
  try {
    operations = parse(request.query).definitions.filter((each) => each.kind === "OperationDefinition");
  } catch {
    return request;
  }
  if (operations.length !== 1 || operations[0].name?.value === request.operationName) {
    return request;
  }
  const { operationName: _, ...rest } = request;
  return rest;
}
