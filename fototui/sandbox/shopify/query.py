"""Queries of the imitated shop: graphql-core parses, validates and executes them.

Costs follow Shopify's documented rule: an object is 1 point, a connection 2 and its page size times
what each of its nodes costs, a scalar nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableValues,
    execute_sync,
    get_argument_values,
    get_directive_values,
    get_named_type,
    get_operation_ast,
    get_variable_values,
    parse,
    validate,
)

from fototui.sandbox.shopify.schema import SCHEMA, Node, QueryError, ids, page_size, root
from fototui.sandbox.shopify.shop import Shop

# Points of one object where that is not 1; of a connection's parts only its nodes are paid for.
_COST = {
    "OrderConnection": 2,
    "LineItemConnection": 2,
    "PageInfo": 0,
    "OrderEdge": 0,
    "LineItemEdge": 0,
}


@dataclass(frozen=True, slots=True)
class Query:
    """A query that fits the schema, and has still to be answered.

    Args:
        document: The text, parsed.
        name: Which of its operations, where there are several.
        variables: Their values as they were given.
        requested: Points that it may cost at most.
    """

    document: DocumentNode
    name: str | None
    variables: dict[str, Any]  # Any: JSON, as graphql-core takes it
    requested: int

    def answer(self, shop: Shop) -> tuple[dict[str, object], int]:
        """Answer it.

        Args:
            shop: Whose orders.

        Returns:
            The answer's `data`, and the points that it cost.

        Raises:
            QueryError: An argument's value is wrong.
        """
        bill = _Bill()
        result = execute_sync(
            SCHEMA,
            self.document,
            root(shop),
            variable_values=self.variables,
            operation_name=self.name,
            field_resolver=bill.resolve,
        )
        _refuse(result.errors)
        return result.data or {}, bill.points


def read_query(document: str, variables: Mapping[str, object], name: str | None = None) -> Query:
    """Read a document, and hold it against the schema.

    Args:
        document: The text.
        variables: Values of its variables.
        name: Which operation, where there are several.

    Raises:
        QueryError: The document, its variables, the name and the schema do not fit together.
    """
    try:
        parsed = parse(document)
    except GraphQLError as error:
        raise QueryError(error.message) from error
    _refuse(validate(SCHEMA, parsed, max_errors=1, allow_empty_selection_sets=False))
    operation = get_operation_ast(parsed, name)
    if operation is None:
        raise QueryError(
            "An operation name is required" if name is None else f'No operation named "{name}"'
        )
    kind = SCHEMA.get_root_type(operation.operation)
    assert kind is not None  # validation has refused mutations and subscriptions
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), dict(variables))
    if isinstance(values, list):
        raise QueryError(values[0].message, "INVALID_VARIABLE")
    fragments = {
        part.name.value: part
        for part in parsed.definitions
        if isinstance(part, FragmentDefinitionNode)
    }
    requested = _Costs(fragments, values).of(operation.selection_set, kind)
    return Query(parsed, name, dict(variables), requested)


def _refuse(errors: Sequence[GraphQLError] | None) -> None:
    for error in errors or ():
        if isinstance(error.original_error, QueryError):
            raise error.original_error
        raise QueryError(error.message)


class _Bill:
    """What the answer to a query costs, counted while it is made."""

    def __init__(self) -> None:
        self.points = 0

    def resolve(self, node: Node, info: GraphQLResolveInfo[None], **arguments: object) -> object:
        value = node[info.field_name]
        if callable(value):
            value = value(arguments)
        kind = get_named_type(info.return_type)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and value is not None:
            # A plain list costs what it can be known to cost beforehand: one object.
            objects = 1
            if isinstance(value, list) and info.field_name in ("nodes", "edges"):
                objects = sum(one is not None for one in value)
            self.points += objects * _COST.get(kind.name, 1)
        return value


class _Costs:
    """What a query may cost at most.

    Args:
        fragments: Its fragments, by name.
        variables: Values of its variables.
    """

    def __init__(
        self, fragments: Mapping[str, FragmentDefinitionNode], variables: VariableValues
    ) -> None:
        self._fragments = fragments
        self._variables = variables

    def of(self, selection: SelectionSetNode, kind: GraphQLObjectType) -> int:
        """Points of what is asked of one object of a type."""
        return sum(self._of_field(field, kind) for field in self._fields(selection))

    def _of_field(self, field: FieldNode, kind: GraphQLObjectType) -> int:
        definition = kind.fields.get(field.name.value)  # none for __typename
        leads_to = get_named_type(definition.type) if definition else None
        if definition is None or not isinstance(leads_to, GraphQLObjectType | GraphQLInterfaceType):
            return 0
        selection = field.selection_set
        assert selection is not None
        arguments = get_argument_values(definition, field, self._variables)
        if isinstance(leads_to, GraphQLInterfaceType):
            # Whatever each of them may be.
            dearest = max(self.of(selection, one) for one in SCHEMA.get_possible_types(leads_to))
            return (1 + dearest) * (len(ids(arguments)) if "ids" in arguments else 1)
        inner = self.of(selection, leads_to)
        if leads_to.name.endswith("Connection"):
            inner *= page_size(arguments)
        return _COST.get(leads_to.name, 1) + inner

    def _fields(self, selection: SelectionSetNode) -> Iterator[FieldNode]:
        """The fields that are asked for, those of fragments among them."""
        for node in selection.selections:
            if not self._is_wanted(node):
                continue
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, FragmentSpreadNode):
                yield from self._fields(self._fragments[node.name.value].selection_set)
            elif isinstance(node, InlineFragmentNode):
                yield from self._fields(node.selection_set)

    def _is_wanted(self, node: SelectionNode) -> bool:
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and not (include and not include["if"])
