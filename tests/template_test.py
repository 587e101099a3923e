"""deploy/aws/template.yaml makes what it should, and its policy allows the calls in src/aws and no other.
These tests resolve the template as CloudFormation does, and check the result against the services' own
models, which botocore has."""

import os
import re
import subprocess
from pathlib import Path

import botocore.loaders
import botocore.model
import botocore.validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "deploy/aws/template.yaml"
TINTYPED = ROOT / os.environ.get("TINTYPE_BUILD", "build") / "tintyped"

KEY = "arn:aws:kms:eu-test-1:123456789012:key/11111111-2222-3333-4444-555555555555"
TOPIC = "arn:aws:sns:eu-test-1:123456789012:alarms"
LEAST = {"BucketName": "my-pictures", "NodeName": "node-1"}
MOST = LEAST | {"KmsKeyArn": KEY, "AlarmTopicArn": TOPIC, "RoleName": "agent", "UserName": "agent",
                "ProcessedPrefix": "p/", "OriginalPrefix": "o/", "TableName": "Pictures", "LogGroupName": "/group"}

# The properties of each type that the template makes, as the CloudFormation Template Reference spells them.
KNOWN = {
    "AWS::S3::Bucket": {"BucketName", "PublicAccessBlockConfiguration", "OwnershipControls", "BucketEncryption",
                        "LifecycleConfiguration"},
    "AWS::S3::BucketPolicy": {"Bucket", "PolicyDocument"},
    "AWS::DynamoDB::Table": {"TableName", "BillingMode", "AttributeDefinitions", "KeySchema",
                             "GlobalSecondaryIndexes", "PointInTimeRecoverySpecification", "SSESpecification"},
    "AWS::Logs::LogGroup": {"LogGroupName", "RetentionInDays"},
    "AWS::CloudWatch::Alarm": {"AlarmDescription", "Namespace", "MetricName", "Dimensions", "Statistic", "Period",
                               "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator", "Threshold",
                               "TreatMissingData", "AlarmActions", "OKActions"},
    "AWS::IAM::ManagedPolicy": {"Description", "Roles", "Users", "PolicyDocument"},
}

ABSENT = object()  # AWS::NoValue


# ---- reading ----

class Loader(yaml.SafeLoader):
    """Reads YAML with CloudFormation's short forms, and refuses a key that is there twice."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key comes twice{node.start_mark}"
        return super().construct_mapping(node, deep)

    def construct_function(self, suffix, node):
        kinds = {yaml.ScalarNode: self.construct_scalar,
                 yaml.SequenceNode: lambda n: self.construct_sequence(n, deep=True)}
        return {suffix if suffix in ("Ref", "Condition") else "Fn::" + suffix: kinds[type(node)](node)}


Loader.add_multi_constructor("!", Loader.construct_function)


class Stack:
    """The template with these parameters, with the resources that CloudFormation would make."""

    def __init__(self, **parameters):
        self.template = yaml.load(TEMPLATE.read_text(), Loader)  # noqa: S506: a SafeLoader
        self.names = {"AWS::Partition": "aws-test", "AWS::Region": "eu-test-1", "AWS::AccountId": "123456789012",
                      "AWS::NoValue": ABSENT}
        for name, row in self.template["Parameters"].items():
            self.names[name] = parameters.pop(name) if name in parameters else row["Default"]
        assert not parameters, "no such parameters"
        for name, row in self.template["Resources"].items():
            self.names[name] = row["Properties"].get("BucketName", name)
        self.conditions = {name: self.resolve(c) for name, c in self.template["Conditions"].items()}
        self.resources = {name: self.resolve(row) for name, row in self.template["Resources"].items()}
        self.outputs = self.resolve(self.template["Outputs"])

    def resolve(self, node):
        if isinstance(node, list):
            return [v for v in map(self.resolve, node) if v is not ABSENT]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, value), = node.items()
            if name == "Ref":
                return self.resolve(self.names[value])
            if name.startswith("Fn::"):
                return getattr(self, name[4:].lower())(value)
        values = {name: self.resolve(value) for name, value in node.items()}
        return {name: value for name, value in values.items() if value is not ABSENT}

    def sub(self, text):
        return re.sub(r"\$\{([^}]+)\}", lambda m: str(self.resolve(self.names[m[1]])), text)

    def equals(self, pair):
        left, right = map(self.resolve, pair)
        return left == right

    def do_not(self, one):
        return not self.resolve(one[0])

    def do_if(self, triple):
        condition, then, otherwise = triple
        return self.resolve(then if self.conditions[condition] else otherwise)

    def of_type(self, kind):
        return {name: row for name, row in self.resources.items() if row["Type"] == kind}

    def properties(self, kind):
        """Returns the properties of the one resource of that type."""
        (row,) = self.of_type(kind).values()
        return row["Properties"]

    def statements(self):
        return self.properties("AWS::IAM::ManagedPolicy")["PolicyDocument"]["Statement"]


setattr(Stack, "not", Stack.do_not)
setattr(Stack, "if", Stack.do_if)


@pytest.fixture(name="least", scope="module")
def fixture_least():
    return Stack(**LEAST)


@pytest.fixture(name="most", scope="module")
def fixture_most():
    return Stack(**MOST)


def check_call(service, operation, **parameters):
    """Checks that what CloudFormation will ask of a service has the names and types of that service's model."""
    data = botocore.loaders.Loader().load_service_model(service, "service-2")
    shape = botocore.model.ServiceModel(data).operation_model(operation).input_shape
    report = botocore.validate.ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()


# ---- the template as such ----

@pytest.mark.parametrize("parameters", [LEAST, MOST])
def test_properties_are_known(parameters):
    for name, row in Stack(**parameters).resources.items():
        assert set(row) <= {"Type", "DeletionPolicy", "UpdateReplacePolicy", "Properties"}, name
        assert set(row["Properties"]) <= KNOWN[row["Type"]], name


def test_parameters_are_used_and_their_defaults_allowed(least):
    text = TEMPLATE.read_text()
    for name, row in least.template["Parameters"].items():
        assert row["Description"] and row["Type"] in ("String", "Number"), name
        assert re.search(rf"!Ref {name}\b|\$\{{{name}\}}", text), name
        if row["Type"] == "String" and "Default" in row:
            assert re.fullmatch(row["AllowedPattern"], row["Default"]), name
        if "AllowedValues" in row:
            assert row["Default"] in row["AllowedValues"], name
    for parameters in (LEAST, MOST):
        for name, value in parameters.items():
            assert re.fullmatch(least.template["Parameters"][name]["AllowedPattern"], value), name


def test_no_parameter_widens_the_policy(least):
    for name, row in least.template["Parameters"].items():
        if row["Type"] == "String" and name != "NodeName":  # The node's name is in no policy.
            for text in ("*", "?", "abc*", "a?c/", "*/", "${AWS::Region}/", f"{KEY}*", f"{TOPIC}*"):
                assert not re.fullmatch(row["AllowedPattern"], text), (name, text)


def test_what_has_pictures_and_records_stays(least):
    kept = {name for name, row in least.resources.items()
            if row.get("DeletionPolicy") == row.get("UpdateReplacePolicy") == "Retain"}
    types = {least.resources[name]["Type"] for name in kept}
    assert types == {"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::DynamoDB::Table"}


def test_defaults_are_the_programs(least):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TINTYPE_")}
    values = subprocess.run([TINTYPED, "-T"], env=environment, check=True, capture_output=True,
                            text=True).stdout.splitlines()
    for key, parameter in (("processed_prefix", "ProcessedPrefix"), ("original_prefix", "OriginalPrefix")):
        assert f"{key} = {least.names[parameter]}" in values


def test_outputs(most):
    assert set(most.outputs) == {"PolicyArn", "Configuration"}
    assert "bucket=my-pictures " in most.outputs["Configuration"]["Value"]


# ---- bucket ----

def test_bucket_is_private(least):
    bucket = least.properties("AWS::S3::Bucket")
    assert bucket["BucketName"] == "my-pictures"
    assert bucket["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True, "BlockPublicPolicy": True, "IgnorePublicAcls": True, "RestrictPublicBuckets": True}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    for name, operation in (("PublicAccessBlockConfiguration", "PutPublicAccessBlock"),
                            ("OwnershipControls", "PutBucketOwnershipControls")):
        check_call("s3", operation, Bucket="b", **{name: bucket[name]})


def test_bucket_is_not_versioned(least):
    assert "VersioningConfiguration" not in least.properties("AWS::S3::Bucket")
    assert "ObjectLockEnabled" not in least.properties("AWS::S3::Bucket")


@pytest.mark.parametrize("parameters, expected", [
    (LEAST, {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}),
    (LEAST | {"KmsKeyArn": KEY}, {"BucketKeyEnabled": True, "ApplyServerSideEncryptionByDefault": {
        "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}})])
def test_bucket_is_encrypted(parameters, expected):
    encryption = Stack(**parameters).properties("AWS::S3::Bucket")["BucketEncryption"]
    (rule,) = encryption.pop("ServerSideEncryptionConfiguration")
    assert not encryption
    rule["ApplyServerSideEncryptionByDefault"] = rule.pop("ServerSideEncryptionByDefault")  # S3 calls it so.
    assert rule == expected
    check_call("s3", "PutBucketEncryption", Bucket="b", ServerSideEncryptionConfiguration={"Rules": [rule]})


def test_bucket_takes_tls_alone(least):
    policy = least.properties("AWS::S3::BucketPolicy")
    assert policy["Bucket"] == "my-pictures"
    assert policy["PolicyDocument"] == {"Version": "2012-10-17", "Statement": [{
        "Sid": "OnlyOverTls", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws-test:s3:::my-pictures", "arn:aws-test:s3:::my-pictures/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}


def test_bucket_lifecycle():
    stack = Stack(**MOST, OriginalsToInfrequentAccessDays=77)
    rules = stack.properties("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    for rule in rules:  # S3's names differ.
        rule["ID"] = rule.pop("Id")
        for transition in rule.get("Transitions", []):
            transition["Days"] = transition.pop("TransitionInDays")
    assert rules == [
        {"ID": "abort-incomplete-uploads", "Status": "Enabled",
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}},
        {"ID": "originals-to-infrequent-access", "Status": "Enabled", "Prefix": "o/",
         "Transitions": [{"StorageClass": "STANDARD_IA", "Days": 77}]}]
    # S3 itself asks for that many days with that class.
    assert stack.template["Parameters"]["OriginalsToInfrequentAccessDays"]["MinValue"] == 30
    check_call("s3", "PutBucketLifecycleConfiguration", Bucket="b", LifecycleConfiguration={"Rules": rules})


# ---- table ----

def index(name, hash_name):
    return {"IndexName": name, "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": hash_name, "KeyType": "HASH"},
                          {"AttributeName": "Timestamp", "KeyType": "RANGE"}]}


def test_table():
    table = Stack(**LEAST).properties("AWS::DynamoDB::Table")
    assert table["TableName"] == "Images"
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [{"AttributeName": "ID", "KeyType": "HASH"}]
    assert table["GlobalSecondaryIndexes"] == [index("Day-Timestamp-index", "Day"),
                                               index("Filename-Timestamp-index", "Filename")]
    assert {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]} == dict.fromkeys(
        ("ID", "Day", "Filename", "Timestamp"), "S")
    assert table["SSESpecification"] == {"SSEEnabled": True}
    recovery = table.pop("PointInTimeRecoverySpecification")
    assert recovery == {"PointInTimeRecoveryEnabled": True}
    # DynamoDB calls it so.
    table["SSESpecification"]["Enabled"] = table["SSESpecification"].pop("SSEEnabled")
    check_call("dynamodb", "UpdateContinuousBackups", TableName="Images", PointInTimeRecoverySpecification=recovery)
    check_call("dynamodb", "CreateTable", **table)


def test_items_have_the_attributes_of_the_keys(least):
    item = (ROOT / "src/sync/item.c").read_text()
    for attribute in least.template["Resources"]["Table"]["Properties"]["AttributeDefinitions"]:
        assert f"'{attribute['AttributeType']}', \"{attribute['AttributeName']}\"" in item


# ---- log group, alarms ----

def test_log_group():
    assert Stack(**LEAST, LogRetentionDays=30).properties("AWS::Logs::LogGroup") == {
        "LogGroupName": "/tintype", "RetentionInDays": 30}


ALARMS = {  # metric: statistic, comparison, threshold, missing data, periods
    "Heartbeat": ("SampleCount", "LessThanThreshold", 1, "breaching", 3),
    "OldestUnsyncedSeconds": ("Maximum", "GreaterThanThreshold", 900, "ignore", 1),
    "DeadImages": ("Maximum", "GreaterThanThreshold", 0, "ignore", 1),
}


def test_alarms(least):
    found = {}
    for name, row in least.of_type("AWS::CloudWatch::Alarm").items():
        alarm = row["Properties"]
        assert alarm["Namespace"] == "tintype"
        assert alarm["Dimensions"] == [{"Name": "Node", "Value": "node-1"}]
        assert alarm["Period"] == 60
        assert alarm.get("DatapointsToAlarm", 1) == alarm["EvaluationPeriods"]
        assert alarm["MetricName"] not in found
        found[alarm["MetricName"]] = tuple(alarm[key] for key in (
            "Statistic", "ComparisonOperator", "Threshold", "TreatMissingData", "EvaluationPeriods"))
        check_call("cloudwatch", "PutMetricAlarm", AlarmName=name, **alarm)
    assert found == ALARMS


def test_alarms_tell_the_topic_when_there_is_one(least):
    for stack, actions in ((least, None), (Stack(**LEAST, AlarmTopicArn=TOPIC), [TOPIC])):
        for row in stack.of_type("AWS::CloudWatch::Alarm").values():
            assert row["Properties"].get("AlarmActions") == row["Properties"].get("OKActions") == actions


def test_the_agent_has_the_metrics(least):
    sources = "".join(path.read_text() for path in sorted((ROOT / "src/sync").glob("*.c")))
    for word in (*ALARMS, "Node", "Namespace"):
        assert re.search(rf'"[^"\n]*\b{word}\b', sources), f"no {word} in src/sync"


# ---- the policy and the code ----

# The S3 API Reference names these under "Permissions" of each operation.
S3_ACTIONS = {"put": "s3:PutObject", "get": "s3:GetObject", "head": "s3:GetObject", "presign": "s3:GetObject",
              "delete": "s3:DeleteObject"}  # by tt_s3_<name>
JSON_SERVICES = {"DynamoDB_20120810": "dynamodb", "Logs_20140328": "logs"}  # by prefix of X-Amz-Target
SIGNING = re.compile(r"\btt_aws_call_(?:sign|json|presign)\(")


def source(path):
    """Returns a C source without its comments."""
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)


def called_actions():
    """Returns the actions that src/aws signs, by the names that IAM has for them."""
    actions = {S3_ACTIONS[name] for name in re.findall(r"\btt_s3_(\w+)\(", source(ROOT / "src/aws/s3.c"))}
    for path in sorted((ROOT / "src/aws").glob("*.c")):
        text = source(path)
        prefixes = set(re.findall(r'"([A-Za-z]+_\d{8})\.', text))
        operations = set(re.findall(r'\bTARGET\s+"(\w+)"', text)) | set(re.findall(r'"\w+_\d{8}\.(\w+)"', text))
        if prefixes or operations:
            (prefix,) = prefixes
            assert operations, f"no operation found in {path.name}"
            actions |= {f"{JSON_SERVICES[prefix]}:{operation}" for operation in operations}
    return actions


def test_requests_are_signed_where_this_test_looks():
    signing = {str(path.relative_to(ROOT)) for path in ROOT.glob("src/*/*.c") if SIGNING.search(source(path))}
    assert signing == {f"src/aws/{name}.c" for name in ("call", "s3", "dynamodb", "logs")}
    data = {service: botocore.loaders.Loader().load_service_model(service, "service-2") for service in
            JSON_SERVICES.values()}
    for action in called_actions():
        service, operation = action.split(":")
        assert service == "s3" or operation in data[service]["operations"], action


def test_policy_is_what_the_code_calls(least):
    allowed = [action for statement in least.statements() for action in statement["Action"]]
    assert len(allowed) == len(set(allowed))
    assert set(allowed) == called_actions()


def test_policy_with_a_key_adds_what_s3_does_for_the_caller(least):
    plain, with_key = least.statements(), Stack(**LEAST, KmsKeyArn=KEY).statements()
    assert [statement["Sid"] for statement in plain] == ["Objects", "Items", "Events"]
    assert with_key == plain + [{"Sid": "ObjectKey", "Effect": "Allow", "Resource": [KEY],
                                 "Action": ["kms:GenerateDataKey", "kms:Decrypt"]}]


@pytest.mark.parametrize("parameters, bucket, prefixes, table, group", [
    (LEAST, "my-pictures", ("processed/", "originals/"), "Images", "/tintype"),
    (MOST, "my-pictures", ("p/", "o/"), "Pictures", "/group")])
def test_policy_reaches_no_further(parameters, bucket, prefixes, table, group):
    objects, items, events = Stack(**parameters).statements()[:3]
    place = "eu-test-1:123456789012"
    assert objects["Resource"] == [f"arn:aws-test:s3:::{bucket}/{prefix}*" for prefix in prefixes]
    name = f"arn:aws-test:dynamodb:{place}:table/{table}"
    assert items["Resource"] == [name, f"{name}/index/Day-Timestamp-index", f"{name}/index/Filename-Timestamp-index"]
    # This names the group itself and its streams.
    assert events["Resource"] == [f"arn:aws-test:logs:{place}:log-group:{group}:*"]


@pytest.mark.parametrize("parameters", [LEAST, MOST])
def test_policy_has_only_plain_statements(parameters):
    policy = Stack(**parameters).properties("AWS::IAM::ManagedPolicy")["PolicyDocument"]
    assert set(policy) == {"Version", "Statement"} and policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert set(statement) == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        assert all(re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action) for action in statement["Action"])


@pytest.mark.parametrize("parameters, expected", [
    ({}, (None, None)), ({"RoleName": "agent"}, (["agent"], None)), ({"UserName": "agent"}, (None, ["agent"]))])
def test_policy_is_attached_where_asked(parameters, expected):
    policy = Stack(**LEAST, **parameters).properties("AWS::IAM::ManagedPolicy")
    assert (policy.get("Roles"), policy.get("Users")) == expected
