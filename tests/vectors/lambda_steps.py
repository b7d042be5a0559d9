"""The steps of recorded Lambda tests, replayed: each gives our answers under the recording's keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ballroom.kernel import BytesStream, Caller, ServiceError
from tests.cloud import Cloud
from tests.services.lambda_.floor import package

ACCOUNT, REGION = "111111111111", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
Answers = dict[str, Any]


class Lab:
    """Calls Lambda as the recorded account; errors are answers too."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.me: Caller = cloud.caller(ACCOUNT, REGION)

    def __call__(self, operation: str, /, **request: Any) -> Any:
        try:
            return self.cloud.call("lambda", operation, self.me, **request)
        except ServiceError as error:
            return error

    def settled(self, operation: str, /, **request: Any) -> Any:
        """The answer; what it has begun is over."""
        answer = self(operation, **request)
        self.cloud.clock.settle()
        return answer

    def create(self, name: str = "f", /, **more: Any) -> Any:
        request = {
            "FunctionName": name, "Runtime": "python3.12", "Role": ROLE, "Handler": "index.handler",
            "Code": {"ZipFile": package()}, **more,
        }  # fmt: skip
        return self.settled("CreateFunction", **request)

    def helper_function(self, name: str = "f", /, **more: Any) -> Any:
        """A function as the recordings' own helper made it."""
        defaults: dict[str, Any] = {
            "Handler": "handler.handler",
            "Timeout": 30,
            "Environment": {"Variables": {}},
        }
        answer = self.create(name, **{**defaults, **more})
        return {"CreateEventSourceMappingResponse": None, "CreateFunctionResponse": answer}


def lifecycle(lab: Lab) -> Answers:
    ours: Answers = {"create_response": lab.helper_function(MemorySize=256, Timeout=5)}
    ours["get_function_response"] = lab("GetFunction", FunctionName="f")
    ours["update_func_conf_response"] = lab.settled(
        "UpdateFunctionConfiguration", FunctionName="f", Runtime="python3.11", Timeout=10, MemorySize=512,
        Description="Changed-Description", Environment={"Variables": {"ENV_A": "a"}},
    )  # fmt: skip
    ours["get_function_response_postupdate"] = lab("GetFunction", FunctionName="f")
    ours["update_code_response"] = lab.settled(
        "UpdateFunctionCode", FunctionName="f", ZipFile=package("handler = 2\n")
    )
    ours["get_function_response_postcodeupdate"] = lab("GetFunction", FunctionName="f")
    ours["delete_response"] = lab("DeleteFunction", FunctionName="f")
    ours["delete_postdelete"] = lab("GetFunction", FunctionName="f")
    return ours


def logging_switch(lab: Lab) -> Answers:
    ours: Answers = {"create_response": lab.helper_function(MemorySize=256, Timeout=5)}
    ours["get_function_response"] = lab("GetFunction", FunctionName="f")
    ours["function_config"] = lab("GetFunctionConfiguration", FunctionName="f")
    for key, got, log_format in (
        ("updated_config", "received_config", "JSON"),
        ("updated_config_v2", "received_config_v2", "Text"),
    ):
        ours[key] = lab.settled(
            "UpdateFunctionConfiguration", FunctionName="f", LoggingConfig={"LogFormat": log_format}
        )
        ours[got] = lab("GetFunctionConfiguration", FunctionName="f")
    return ours


def code_from_s3(lab: Lab) -> Answers:
    cloud = lab.cloud
    cloud.call("s3", "CreateBucket", lab.me, Bucket="code")
    for key, source in (("one", "a = 1\n"), ("two", "a = 2\n")):
        body = BytesStream(package(source))
        cloud.call("s3", "PutObject", lab.me, Bucket="code", Key=key, Body=body)
    ours = {"create_response_s3": lab.create(Code={"S3Bucket": "code", "S3Key": "one"})}
    ours["get-function-response"] = lab("GetFunction", FunctionName="f")
    ours["update-function-response"] = lab.settled(
        "UpdateFunctionCode", FunctionName="f", S3Bucket="code", S3Key="two"
    )
    return ours


def image_for_a_zip(lab: Lab) -> Answers:
    ours = {"create-image-response": lab.create(Handler="handler.handler")}
    ours["get-function-code-response"] = lab("GetFunction", FunctionName="f")
    ours["get-function-config-response"] = lab("GetFunctionConfiguration", FunctionName="f")
    ours["zipfile-to-image-error"] = lab("UpdateFunctionCode", FunctionName="f", ImageUri="image")
    ours["get-function-code-response-after-update"] = lab("GetFunction", FunctionName="f")
    ours["get-function-config-response-after-update"] = lab("GetFunctionConfiguration", FunctionName="f")
    return ours


def publish_on_create(lab: Lab) -> Answers:
    ours = {"create_response": lab.create(Publish=True)}
    ours["get_function_result"] = lab("GetFunction", FunctionName="f")
    ours["get_function_version_result"] = lab("GetFunction", FunctionName="f", Qualifier="1")
    ours["get_function_latest_result"] = lab("GetFunction", FunctionName="f", Qualifier="$LATEST")
    ours["list_versions_result"] = lab("ListVersionsByFunction", FunctionName="f")
    ours["repeated_publish_response"] = lab("PublishVersion", FunctionName="f")
    ours["list_versions_result_after_publish"] = lab("ListVersionsByFunction", FunctionName="f")
    return ours


def version_lifecycle(lab: Lab) -> Answers:
    ours = {"create_response": lab.create(Description="No version :(")}
    ours["get_function_result"] = lab("GetFunction", FunctionName="f")
    ours["list_versions_result"] = lab("ListVersionsByFunction", FunctionName="f")

    def describe(text: str) -> Any:
        return lab.settled("UpdateFunctionConfiguration", FunctionName="f", Description=text)

    ours["first_update_response"] = describe("First version :)")
    ours["first_update_get_function"] = lab("GetFunction", FunctionName="f")
    ours["first_publish_response"] = lab(
        "PublishVersion", FunctionName="f", Description="First version description :)"
    )
    ours["first_publish_get_function"] = lab("GetFunction", FunctionName="f", Qualifier="1")
    ours["first_publish_get_function_config"] = lab("GetFunctionConfiguration", FunctionName="f", Qualifier="1")
    ours["second_update_response"] = describe("Second version :))")
    ours["first_publish_get_function_after_update"] = lab("GetFunction", FunctionName="f", Qualifier="1")
    ours["second_publish_response"] = lab("PublishVersion", FunctionName="f")
    ours["third_publish_response"] = lab("PublishVersion", FunctionName="f")
    ours["list_versions_result_after_third_publish"] = lab("ListVersionsByFunction", FunctionName="f")
    lab("DeleteFunction", FunctionName="f", Qualifier="1")
    ours["list_versions_result_after_deletion_of_first_version"] = lab(
        "ListVersionsByFunction", FunctionName="f"
    )
    return ours


def wrong_hash(lab: Lab) -> Answers:
    ours = {"create_response": lab.create()}
    ours["get_fn_response"] = lab("GetFunction", FunctionName="f")
    ours["publish_wrong_sha256_exc"] = lab(
        "PublishVersion", FunctionName="f", CodeSha256="somenonexistentsha256"
    )
    sha = ours["get_fn_response"]["Configuration"]["CodeSha256"]
    ours["publish_result"] = lab("PublishVersion", FunctionName="f", CodeSha256=sha)
    return ours


def alias_lifecycle(lab: Lab) -> Answers:
    ours = {"create_response": lab.create(Environment={"Variables": {"testenv": "staging"}})}
    ours["publish_v1"] = lab("PublishVersion", FunctionName="f")
    lab.settled("UpdateFunctionConfiguration", FunctionName="f", Environment={"Variables": {"testenv": "prod"}})
    ours["publish_v2"] = lab("PublishVersion", FunctionName="f")
    custom = {"Description": "custom-alias"}
    weights = {"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.2}}}
    for suffix, version, more in (
        ("1_1", "1", custom | weights), ("1_2", "1", custom), ("1_3", "1", {}), ("2", "2", custom),
    ):  # fmt: skip
        name = f"aliasname{suffix}"
        ours[f"create_alias_{suffix}"] = lab(
            "CreateAlias", FunctionName="f", Name=name, FunctionVersion=version, **more
        )
        ours[f"get_alias_{suffix}"] = lab("GetAlias", FunctionName="f", Name=name)
    ours["get_function_alias_1_1"] = lab("GetFunction", FunctionName="f", Qualifier="aliasname1_1")
    ours["get_function_byarn_alias_1_1"] = lab("GetFunction", FunctionName=f"{ARN}:f:aliasname1_1")
    ours["get_function_alias_notfound_exc"] = lab(
        "GetFunction", FunctionName="f", Qualifier="aliasdoesnotexist"
    )
    ours["get_function_alias_byarn_notfound_exc"] = lab(
        "GetFunction", FunctionName=f"{ARN}:f:aliasdoesnotexist"
    )
    ours["list_aliases_for_fnname"] = lab("ListAliases", FunctionName="f")
    ours["update_alias_1_1"] = lab(
        "UpdateAlias", FunctionName="f", Name="aliasname1_1", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    ours["get_alias_1_1_after_update"] = lab("GetAlias", FunctionName="f", Name="aliasname1_1")
    ours["list_aliases_for_fnname_after_update"] = lab("ListAliases", FunctionName="f")
    ours["update_alias_1_2"] = lab("UpdateAlias", FunctionName="f", Name="aliasname1_2")
    ours["get_alias_1_2_after_update"] = lab("GetAlias", FunctionName="f", Name="aliasname1_2")
    ours["list_aliases_for_fnname_after_update_2"] = lab("ListAliases", FunctionName="f")
    ours["list_aliases_for_version"] = lab("ListAliases", FunctionName="f", FunctionVersion="1")
    ours["delete_alias_response"] = lab("DeleteAlias", FunctionName="f", Name="aliasname1_1")
    ours["list_aliases_for_fnname_afterdelete"] = lab("ListAliases", FunctionName="f")
    return ours


def revisions(lab: Lab) -> Answers:
    ours: Answers = {"create_function_response_rev1": lab.helper_function()}
    first = ours["create_function_response_rev1"]["CreateFunctionResponse"]["RevisionId"]
    ours["get_function_active_rev2"] = lab("GetFunction", FunctionName="f")
    ours["publish_version_revision_exception"] = lab("PublishVersion", FunctionName="f", RevisionId=first)
    second = ours["get_function_active_rev2"]["Configuration"]["RevisionId"]
    ours["publish_version_response_rev_v1"] = lab("PublishVersion", FunctionName="f", RevisionId=second)
    ours["get_function_published_version_rev_v2"] = lab("GetFunction", FunctionName="f", Qualifier="1")
    ours["get_function_latest_rev3"] = lab("GetFunction", FunctionName="f")
    ours["create_alias_response_rev_a1"] = alias = lab(
        "CreateAlias", FunctionName="f", Name="revision_alias", FunctionVersion="1"
    )
    ours["get_function_latest_rev4"] = lab("GetFunction", FunctionName="f")
    ours["get_function_published_version_rev_v3"] = lab("GetFunction", FunctionName="f", Qualifier="1")
    update = {"FunctionName": "f", "Name": "revision_alias", "Description": "something changed"}
    ours["update_alias_revision_exception"] = lab("UpdateAlias", **update, RevisionId="wrong")
    ours["update_alias_response_rev_a2"] = lab("UpdateAlias", **update, RevisionId=alias["RevisionId"])
    return ours


def tag_steps(lab: Lab, resource: str) -> Answers:
    ours: Answers = {}

    def step(key: str, operation: str, **request: Any) -> None:
        ours[f"{key}_response"] = lab(operation, Resource=resource, **request)
        ours[f"{key}_response_listtags"] = lab("ListTags", Resource=resource)

    step("tag_single", "TagResource", Tags={"A": "tag-a"})
    step("tag_multiple", "TagResource", Tags={"B": "tag-b", "C": "tag-c"})
    step("tag_overlap", "TagResource", Tags={"C": "tag-c-newsuffix", "D": "tag-d"})
    step("untag_single", "UntagResource", TagKeys=["A"])
    step("untag_multiple", "UntagResource", TagKeys=["B", "C"])
    step("untag_nonexisting", "UntagResource", TagKeys=["F"])
    step("untag_existing_and_nonexisting", "UntagResource", TagKeys=["D", "F"])
    return ours


def tags_of_a_function(lab: Lab) -> Answers:
    return tag_steps(lab, lab.create()["FunctionArn"])


def tags_of_a_mapping(lab: Lab) -> Answers:
    lab.create()
    lab.cloud.call("sqs", "CreateQueue", lab.me, QueueName="q")
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    made = lab.settled("CreateEventSourceMapping", FunctionName="f", EventSourceArn=queue)
    return tag_steps(lab, made["EventSourceMappingArn"])


def tags_of_versions(lab: Lab) -> Answers:
    lab.create(Publish=True)
    tags = {"key": "value"}
    return {
        "tag_resource_exception": lab("TagResource", Resource=f"{ARN}:f:1", Tags=tags),
        "tag_resource_latest_exception": lab("TagResource", Resource=f"{ARN}:f:$LATEST", Tags=tags),
    }


def async_lifecycle(lab: Lab) -> Answers:
    lab.helper_function()
    put, one = "PutFunctionEventInvokeConfig", {"FunctionName": "f"}
    ours = {"put_invokeconfig_retries_0": lab(put, **one, MaximumRetryAttempts=0)}
    ours["put_invokeconfig_eventage_60"] = lab(put, **one, MaximumEventAgeInSeconds=60)
    update = "UpdateFunctionEventInvokeConfig"
    ours["update_invokeconfig_eventage_nochange"] = lab(update, **one, MaximumEventAgeInSeconds=60)
    ours["update_invokeconfig_retries"] = lab(update, **one, MaximumRetryAttempts=1)
    get = "GetFunctionEventInvokeConfig"
    ours["get_invokeconfig"] = lab(get, **one)
    ours["get_invokeconfig_latest"] = lab(get, **one, Qualifier="$LATEST")
    ours["list_single_invokeconfig"] = lab("ListFunctionEventInvokeConfigs", **one)
    ours["publish_version_result"] = lab("PublishVersion", **one)
    ours["get_invokeconfig_postpublish"] = lab(get, **one, Qualifier="1")
    ours["put_published_invokeconfig"] = lab(put, **one, Qualifier="1", MaximumEventAgeInSeconds=120)
    ours["get_published_invokeconfig"] = lab(get, **one, Qualifier="1")
    lab("DeleteFunctionEventInvokeConfig", **one)
    ours["list_paging_nolimit_postdelete"] = lab("ListFunctionEventInvokeConfigs", **one)
    return ours


def concurrency_limits(lab: Lab) -> Answers:
    lab.create()
    put = "PutFunctionConcurrency"
    return {
        "put_function_concurrency_account_limit_exceeded": lab(
            put, FunctionName="f", ReservedConcurrentExecutions=1001
        ),
        "put_function_concurrency_below_unreserved_min_value": lab(
            put, FunctionName="f", ReservedConcurrentExecutions=901
        ),
    }


def concurrency_crud(lab: Lab) -> Answers:
    lab.create()
    get = "GetFunctionConcurrency"
    ours = {"get_function_concurrency_default": lab(get, FunctionName="f")}
    ours["put_function_concurrency"] = lab(
        "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0
    )
    ours["get_function_concurrency_updated"] = lab(get, FunctionName="f")
    lab("DeleteFunctionConcurrency", FunctionName="f")
    ours["get_function_concurrency_deleted"] = lab(get, FunctionName="f")
    return ours


def permit(lab: Lab, sid: str, principal: str, **more: Any) -> Any:
    request = {
        "FunctionName": "f",
        "StatementId": sid,
        "Action": "lambda:InvokeFunction",
        "Principal": principal,
    }
    answer = lab("AddPermission", **{**request, **more})
    return answer if isinstance(answer, ServiceError) else {"Statement": json.loads(answer["Statement"])}


def policy(lab: Lab) -> Any:
    answer = lab("GetPolicy", FunctionName="f")
    return answer if isinstance(answer, ServiceError) else {**answer, "Policy": json.loads(answer["Policy"])}


def permission_fields(lab: Lab) -> Answers:
    lab.create()
    mine = {"SourceAccount": ACCOUNT}
    return {
        "add_permission_principal_wildcard": permit(lab, "wilcard", "*", **mine),
        "add_permission_principal_service": permit(lab, "lambda", "lambda.amazonaws.com", **mine),
        "add_permission_principal_account": permit(lab, "account-id", ACCOUNT),
        "add_permission_principal_arn": permit(lab, "user-arn", f"arn:aws:iam::{ACCOUNT}:user/u", **mine),
        "add_permission_optional_fields": permit(
            lab, "urlPermission", "*", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE",
            PrincipalOrgID="o-1234567890", SourceArn="arn:aws:s3:::bucket", **mine,
        ),
        "add_permission_alexa_skill": permit(
            lab, "alexaSkill", "*", EventSourceToken="amzn1.ask.skill.xxxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
        ),
    }  # fmt: skip


def permissions_removed(lab: Lab) -> Answers:
    lab.create()
    ours = {"add_permission_1": permit(lab, "s3", "s3.amazonaws.com")}
    ours["add_permission_2"] = permit(lab, "sqs", "sqs.amazonaws.com", SourceArn="arn:aws:s3:::bucket")
    ours["policy_after_2_add"] = policy(lab)
    remove = "RemovePermission"
    ours["remove_permission_exception_nonexisting_sid"] = lab(
        remove, FunctionName="f", StatementId="non-existent"
    )
    lab(remove, FunctionName="f", StatementId="sqs")
    ours["policy_after_removal"] = policy(lab)
    lab(remove, FunctionName="f", StatementId="non-existent")
    ours["policy_after_removal_attempt"] = policy(lab)
    lab(remove, FunctionName="f", StatementId="s3")
    ours["get_policy_exception_removed_all"] = policy(lab)
    return ours


def permissions_added(lab: Lab) -> Answers:
    lab.create()
    ours = {"add_permission_response_1": permit(lab, "logs", "logs.amazonaws.com")}
    ours["add_permission_response_2"] = permit(lab, "kinesis", "kinesis.amazonaws.com")
    ours["policy_after_2_add"] = policy(lab)
    return ours


def url_lifecycle(lab: Lab) -> Answers:
    lab.create()
    create, one = "CreateFunctionUrlConfig", {"FunctionName": "f"}
    ours = {"url_creation": lab(create, **one, AuthType="NONE")}
    ours["failed_duplication"] = lab(create, **one, AuthType="NONE")
    ours["get_url_config"] = lab("GetFunctionUrlConfig", **one)
    ours["updated_url_config"] = lab("UpdateFunctionUrlConfig", **one, AuthType="AWS_IAM")
    lab("DeleteFunctionUrlConfig", **one)
    ours["failed_getter"] = lab("GetFunctionUrlConfig", **one)
    return ours


def url_of_an_alias(lab: Lab) -> Answers:
    lab.create(Publish=True)
    lab("CreateAlias", FunctionName="f", Name="test-alias", FunctionVersion="1")
    create, one, alias = "CreateFunctionUrlConfig", {"FunctionName": "f"}, {"Qualifier": "test-alias"}
    ours = {"url_creation": lab(create, **one, AuthType="NONE")}
    ours["url_with_alias_creation"] = lab(create, **one, **alias, AuthType="NONE")
    get = "GetFunctionUrlConfig"
    ours["get_url_config"] = lab(get, **one)
    ours["get_url_config_with_alias"] = lab(get, **one, **alias)
    ours["delete_function_url_config"] = lab("DeleteFunctionUrlConfig", **one)
    ours["get_url_config_after_deletion"] = lab(get, **one)
    ours["get_url_config_with_alias_after_deletion"] = lab(get, **one, **alias)
    return ours


def layer_lifecycle(lab: Lab) -> Answers:
    lab.helper_function()
    ours = {"get_fn_result": lab("GetFunction", FunctionName="f")}
    ours["get_fn_config_result"] = lab("GetFunctionConfiguration", FunctionName="f")

    def publish() -> Any:
        return lab(
            "PublishLayerVersion", LayerName="l", Content={"ZipFile": package("layer = 1\n")},
            CompatibleRuntimes=["python3.12"], CompatibleArchitectures=["x86_64"], Description="about",
            LicenseInfo="free",
        )  # fmt: skip

    ours["publish_result"], ours["publish_result_2"] = publish(), publish()
    layer = ours["publish_result"]["LayerVersionArn"]
    ours["update_fn_config"] = lab.settled("UpdateFunctionConfiguration", FunctionName="f", Layers=[layer])
    ours["get_fn_config"] = lab("GetFunctionConfiguration", FunctionName="f")
    ours["get_layer_ver_result"] = lab("GetLayerVersion", LayerName="l", VersionNumber=1)
    ours["get_layer_by_arn_version"] = lab("GetLayerVersionByArn", Arn=layer)
    ours["list_layer_versions_predelete"] = lab("ListLayerVersions", LayerName="l")
    ours["delete_layer_1"] = lab("DeleteLayerVersion", LayerName="l", VersionNumber=1)
    ours["get_fn_config_postdelete"] = lab("GetFunctionConfiguration", FunctionName="f")
    ours["delete_layer_2"] = lab("DeleteLayerVersion", LayerName="l", VersionNumber=2)
    ours["list_layer_versions_postdelete"] = lab("ListLayerVersions", LayerName="l")
    ours["publish_result_3"] = publish()
    return ours


def layer_exceptions(lab: Lab) -> Answers:
    content = {"ZipFile": package()}
    ours = {
        "publish_result": lab(
            "PublishLayerVersion", LayerName="l", Content=content, CompatibleRuntimes=["python3.12"],
            CompatibleArchitectures=["x86_64"],
        )
    }  # fmt: skip
    ours["list_layers_exc_compatiblearchitecture_invalid"] = lab(
        "ListLayers", CompatibleArchitecture="archdoesnotexist"
    )
    ours["list_nonexistent_layer"] = lab("ListLayerVersions", LayerName="none")
    get, delete = "GetLayerVersion", "DeleteLayerVersion"
    ours["get_layer_version_exc_layer_doesnotexist"] = lab(get, LayerName="none", VersionNumber=1)
    for key, number in (("_negative", -1), ("_zero", 0), ("_2", 2)):
        ours[f"get_layer_version_exc_layer_version_doesnotexist{key}"] = lab(
            get, LayerName="l", VersionNumber=number
        )
    layer = ours["publish_result"]["LayerArn"]
    ours["get_layer_version_by_arn_exc_invalidarn"] = lab("GetLayerVersionByArn", Arn=layer)
    ours["get_layer_version_by_arn_exc_nonexistentversion"] = lab("GetLayerVersionByArn", Arn=f"{layer}:2")
    ours["delete_nonexistent_response"] = lab(delete, LayerName="none", VersionNumber=1)
    ours["delete_nonexistent_version_response"] = lab(delete, LayerName="l", VersionNumber=2)
    ours["delete_layer_response"] = lab(delete, LayerName="l", VersionNumber=1)
    ours["delete_layer_again_response"] = lab(delete, LayerName="l", VersionNumber=1)
    ours["delete_layer_version_exc_layerversion_invalid_version"] = lab(delete, LayerName="l", VersionNumber=-1)
    publish = "PublishLayerVersion"
    ours["publish_empty_result"] = lab(
        publish, LayerName="e", Content=content, CompatibleRuntimes=[], CompatibleArchitectures=[]
    )
    ours["publish_layer_version_exc_invalid_runtime_arch"] = lab(
        publish, LayerName="x", Content=content, CompatibleRuntimes=["invalidruntime"],
        CompatibleArchitectures=["invalidarch"],
    )  # fmt: skip
    ours["publish_layer_version_exc_partially_invalid_values"] = lab(
        publish, LayerName="x", Content=content,
        CompatibleRuntimes=["invalidruntime", "invalidruntime2", "nodejs20.x"],
        CompatibleArchitectures=["invalidarch", "x86_64"],
    )  # fmt: skip
    return ours


def layer_policy(lab: Lab) -> Answers:
    publish = lab(
        "PublishLayerVersion", LayerName="l", Content={"ZipFile": package()},
        CompatibleRuntimes=["python3.12"], CompatibleArchitectures=["x86_64"],
    )  # fmt: skip
    add, get, remove = (
        "AddLayerVersionPermission", "GetLayerVersionPolicy", "RemoveLayerVersionPermission",
    )  # fmt: skip
    one = {"LayerName": "l", "VersionNumber": 1}
    grant = {"Action": "lambda:GetLayerVersion", "Principal": "*"}
    ours: Answers = {"publish_result": publish, "layer_permission_nopolicy_get": lab(get, **one)}
    added = lab(add, **one, **grant, StatementId="s1")
    ours["add_layer_permission_result"] = {**added, "Statement": json.loads(added["Statement"])}
    ours["layer_permission_action_invalid"] = lab(add, **one, StatementId="s2", Action="*", Principal="*")
    ours["layer_permission_duplicate_statement"] = lab(add, **one, **grant, StatementId="s1")
    ours["layer_permission_wrong_revision"] = lab(add, **one, **grant, StatementId="s2", RevisionId="wrong")
    for key, place in (
        ("layername_doesnotexist", {"LayerName": "l-doesnotexist", "VersionNumber": 1}),
        ("layerversion_doesnotexist", {"LayerName": "l", "VersionNumber": 2}),
    ):
        ours[f"layer_permission_{key}_add"] = lab(add, **place, **grant, StatementId="s1")
        ours[f"layer_permission_{key}_get"] = lab(get, **place)
        ours[f"layer_permission_{key}_remove"] = lab(remove, **place, StatementId="s1")
    ours["layer_permission_statementid_doesnotexist_remove"] = lab(remove, **one, StatementId="doesnotexist")
    ours["layer_permission_wrong_revision_remove"] = lab(remove, **one, StatementId="s1", RevisionId="wrong")
    return ours


def six_layers(lab: Lab) -> Answers:
    arns = [
        lab("PublishLayerVersion", LayerName=f"l{n}", Content={"ZipFile": package()})["LayerVersionArn"]
        for n in range(6)
    ]
    return {"create_function_with_six_layers": lab.create(Layers=arns)}


def update_exceptions(lab: Lab) -> Answers:
    lab.create()
    update = "UpdateFunctionConfiguration"
    return {
        "invalid_role_arn_exc": lab(update, FunctionName="f", Role="r1"),
        "invalid_runtime_exc": lab(update, FunctionName="f", Runtime="non-existent-runtime"),
        "uppercase_runtime_exc": lab(update, FunctionName="f", Runtime="PYTHON3.9"),
    }


def snap_start(lab: Lab) -> Answers:
    return {"create_function_invalid_snapstart_apply": lab.create(SnapStart={"ApplyOn": "invalidOption"})}


def deleted_version(lab: Lab) -> Answers:
    delete = "DeleteFunction"
    return {
        "delete_function_response_non_existent": lab(delete, FunctionName="f"),
        "delete_function_response_non_existent_with_qualifier": lab(
            delete, FunctionName="f", Qualifier="doesnotexist"
        ),
    }


def duplicate_mapping(lab: Lab) -> Answers:
    lab.create()
    lab.cloud.call("sqs", "CreateQueue", lab.me, QueueName="q")
    request = {"FunctionName": "f", "EventSourceArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"}
    create = "CreateEventSourceMapping"
    return {"create": lab(create, **request), "error": lab(create, **request)}


def default_batch_size(lab: Lab) -> Answers:
    lab.create()
    for name in ("q", "other"):
        lab.cloud.call("sqs", "CreateQueue", lab.me, QueueName=name)
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}"
    create = "CreateEventSourceMapping"
    made = lab(create, FunctionName="f", EventSourceArn=f"{queue}:q", MaximumBatchingWindowInSeconds=0)
    return {
        "create-event-source-mapping": made,
        "invalid-update-event-source-mapping": lab("UpdateEventSourceMapping", UUID=made["UUID"], BatchSize=15),
        "invalid-create-event-source-mapping": lab(
            create, FunctionName="f", EventSourceArn=f"{queue}:other", BatchSize=15
        ),
    }


def fifo_mapping(lab: Lab) -> Answers:
    lab.create()
    lab.cloud.call("sqs", "CreateQueue", lab.me, QueueName="q.fifo", Attributes={"FifoQueue": "true"})
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q.fifo"
    made = lab.settled(
        "CreateEventSourceMapping", FunctionName="f", EventSourceArn=queue, Enabled=False, BatchSize=1
    )
    ours = {"create_esm_disabled": made}
    ours["update_esm_enabling"] = lab.settled("UpdateEventSourceMapping", UUID=made["UUID"], Enabled=True)
    ours["get_esm_enabled"] = lab("GetEventSourceMapping", UUID=made["UUID"])
    return ours


API = "test_lambda_api.py::"
SQS = "event_source_mapping/test_lambda_integration_sqs.py::"
STEPS: dict[str, Callable[[Lab], Answers]] = {
    f"{API}TestLambdaFunction::test_function_lifecycle": lifecycle,
    f"{API}TestLambdaFunction::test_update_lambda_exceptions": update_exceptions,
    f"{API}TestLambdaFunction::test_lambda_code_location_s3": code_from_s3,
    f"{API}TestLambdaFunction::test_delete_on_nonexisting_version": deleted_version,
    f"{API}TestLoggingConfig::test_advanced_logging_configuration_format_switch": logging_switch,
    f"{API}TestLambdaImages::test_lambda_zip_file_to_image": image_for_a_zip,
    f"{API}TestLambdaVersions::test_publish_version_on_create": publish_on_create,
    f"{API}TestLambdaVersions::test_version_lifecycle": version_lifecycle,
    f"{API}TestLambdaVersions::test_publish_with_wrong_sha256": wrong_hash,
    f"{API}TestLambdaAlias::test_alias_lifecycle": alias_lifecycle,
    f"{API}TestLambdaRevisions::test_function_revisions_version_and_alias": revisions,
    f"{API}TestLambdaTag::test_tag_lifecycle[lambda_function]": tags_of_a_function,
    f"{API}TestLambdaTag::test_tag_lifecycle[event_source_mapping]": tags_of_a_mapping,
    f"{API}TestLambdaTags::test_tag_versions": tags_of_versions,
    f"{API}TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_lifecycle": async_lifecycle,
    f"{API}TestLambdaReservedConcurrency::test_function_concurrency_limits": concurrency_limits,
    "test_lambda.py::TestLambdaConcurrency::test_lambda_concurrency_crud": concurrency_crud,
    f"{API}TestLambdaPermissions::test_add_lambda_permission_fields": permission_fields,
    f"{API}TestLambdaPermissions::test_remove_multi_permissions": permissions_removed,
    f"{API}TestLambdaPermissions::test_create_multiple_lambda_permissions": permissions_added,
    f"{API}TestLambdaUrl::test_url_config_lifecycle": url_lifecycle,
    f"{API}TestLambdaUrl::test_url_config_deletion_without_qualifier": url_of_an_alias,
    f"{API}TestLambdaLayer::test_layer_lifecycle": layer_lifecycle,
    f"{API}TestLambdaLayer::test_layer_exceptions": layer_exceptions,
    f"{API}TestLambdaLayer::test_layer_policy_exceptions": layer_policy,
    f"{API}TestLambdaLayer::test_layer_function_quota_exception": six_layers,
    f"{API}TestLambdaSnapStart::test_snapstart_exceptions": snap_start,
    f"{SQS}test_duplicate_event_source_mappings": duplicate_mapping,
    f"{SQS}TestSQSEventSourceMapping::test_duplicate_event_source_mappings": duplicate_mapping,
    f"{SQS}TestSQSEventSourceMapping::test_event_source_mapping_default_batch_size": default_batch_size,
    f"{SQS}test_fifo_message_group_parallelism": fifo_mapping,
}
