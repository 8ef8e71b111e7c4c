"""Template types: registers those that MiniStack refuses, and names those that it takes without doing what AWS does."""

import json
from pathlib import Path

from ministack.services import athena
from ministack.services.cloudformation import provisioners

TYPES = json.loads(Path(__file__).with_name("template-types.json").read_text())


def apply() -> list[str]:
    # MiniStack refuses a template with an unknown type as a whole. The API behind this one exists.
    provisioners._RESOURCE_HANDLERS["AWS::Athena::NamedQuery"] = {
        "create": create_named_query,
        "update": replace_named_query,
        "delete": delete_named_query,
    }
    unknown = sorted(set(TYPES) - set(provisioners._RESOURCE_HANDLERS))
    if unknown:
        raise SystemExit(f"template-types.json names types that nobody provides: {', '.join(unknown)}")
    return [f"{name}: {does}" for name, does in TYPES.items() if does != "simulated"]


def create_named_query(_logical_id: str, props: dict, _stack: str) -> tuple[str, dict]:
    query_id = json.loads(athena._create_named_query(props)[2])["NamedQueryId"]
    return query_id, {"NamedQueryId": query_id}


def replace_named_query(physical_id: str, old_props: dict, new_props: dict, stack: str) -> tuple[str, dict]:
    delete_named_query(physical_id, old_props)
    return create_named_query(physical_id, new_props, stack)


def delete_named_query(physical_id: str, _props: dict) -> None:
    athena._delete_named_query({"NamedQueryId": physical_id})
