"""The store's tables."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import llmtrace.indexes


def compress_quickly(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let PostgreSQL compress what was said with lz4, where it can: its own way takes three times as long."""
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT 'lz4' = ANY(enumvals) FROM pg_settings WHERE name = 'default_toast_compression'")
        if cursor.fetchone() == (True,):
            cursor.execute("ALTER TABLE llmtrace_spancontent ALTER COLUMN data SET COMPRESSION lz4")


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Span",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("trace_id", models.CharField(max_length=32, verbose_name="trace id")),
                ("span_id", models.CharField(max_length=16, verbose_name="span id")),
                ("parent_id", models.CharField(max_length=16, null=True, verbose_name="parent id")),
                ("name", models.CharField(max_length=255, verbose_name="name")),
                ("kind", models.CharField(max_length=8, verbose_name="kind")),
                ("service", models.CharField(max_length=255, null=True, verbose_name="service")),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("duration_ms", models.FloatField(verbose_name="duration in ms")),
                ("status", models.CharField(max_length=5, verbose_name="status")),
                ("error_type", models.CharField(max_length=255, null=True, verbose_name="error type")),
                ("operation", models.CharField(max_length=64, null=True, verbose_name="operation")),
                ("provider", models.CharField(max_length=64, null=True, verbose_name="provider")),
                ("model", models.CharField(max_length=255, null=True, verbose_name="model")),
                ("input_tokens", models.BigIntegerField(null=True, verbose_name="input tokens")),
                ("output_tokens", models.BigIntegerField(null=True, verbose_name="output tokens")),
                ("cached_tokens", models.BigIntegerField(null=True, verbose_name="cached tokens")),
                ("reasoning_tokens", models.BigIntegerField(null=True, verbose_name="reasoning tokens")),
                ("cost_nano_usd", models.BigIntegerField(null=True, verbose_name="cost in nano-USD")),
                ("first_chunk_ms", models.FloatField(null=True, verbose_name="first chunk after ms")),
                ("outcome", models.CharField(max_length=16, null=True, verbose_name="outcome")),
                ("user_id", models.CharField(max_length=255, null=True, verbose_name="user id")),
                ("session_id", models.CharField(max_length=255, null=True, verbose_name="session id")),
                ("conversation_id", models.CharField(max_length=255, null=True, verbose_name="conversation id")),
                ("job_state", models.CharField(max_length=16, null=True, verbose_name="job state")),
                ("job_attempt", models.BigIntegerField(null=True, verbose_name="job attempt")),
                ("job_queue_ms", models.FloatField(null=True, verbose_name="job in the queue for ms")),
                (
                    "linked_trace_id",
                    models.CharField(max_length=32, null=True, verbose_name="id of the trace that sent the job"),
                ),
                ("attributes", models.JSONField(default=dict, verbose_name="attributes")),
                ("events", models.JSONField(default=list, verbose_name="events")),
                ("links", models.JSONField(default=list, verbose_name="links")),
            ],
            options={
                "verbose_name": "span",
                "verbose_name_plural": "recent spans",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["started_at", "id"], name="llmtrace_span_newest"),
                    models.Index(fields=["status", "started_at"], name="llmtrace_span_status"),
                    models.Index(fields=["operation", "started_at"], name="llmtrace_span_operation"),
                    models.Index(fields=["model", "started_at"], name="llmtrace_span_model"),
                    models.Index(fields=["service", "started_at"], name="llmtrace_span_service"),
                    models.Index(fields=["user_id", "started_at"], name="llmtrace_span_user"),
                    models.Index(fields=["conversation_id", "started_at"], name="llmtrace_span_conversation"),
                    llmtrace.indexes.KnownIndex(fields=["linked_trace_id"], name="llmtrace_span_linked"),
                ],
                "constraints": [models.UniqueConstraint(fields=("trace_id", "span_id"), name="llmtrace_span_once")],
            },
        ),
        migrations.CreateModel(
            name="Ledger",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("folder", models.CharField(max_length=128, verbose_name="folder")),
                ("process", models.CharField(max_length=128, verbose_name="process")),
                ("exporter", models.CharField(max_length=255, verbose_name="exporter")),
                ("ended", models.BigIntegerField(verbose_name="ended")),
                ("sent", models.BigIntegerField(verbose_name="sent")),
                ("waiting", models.BigIntegerField(verbose_name="waiting")),
                ("spooled", models.BigIntegerField(verbose_name="of these on disk")),
                ("dropped", models.JSONField(default=dict, verbose_name="dropped")),
                ("failed_closed", models.BigIntegerField(verbose_name="a filter raised")),
                ("last_error", models.TextField(null=True, verbose_name="last error")),
                ("last_error_at", models.DateTimeField(null=True, verbose_name="when it happened")),
                ("alive", models.BooleanField(verbose_name="alive")),
                ("seen_at", models.DateTimeField(verbose_name="seen at")),
            ],
            options={
                "verbose_name": "ledger",
                "verbose_name_plural": "ledgers",
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("process", "exporter"), name="llmtrace_ledger_once")],
            },
        ),
        migrations.CreateModel(
            name="RunningSpan",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("process", models.CharField(max_length=128, verbose_name="process")),
                ("trace_id", models.CharField(max_length=32, verbose_name="trace id")),
                ("span_id", models.CharField(max_length=16, verbose_name="span id")),
                ("parent_id", models.CharField(max_length=16, null=True, verbose_name="parent id")),
                ("name", models.CharField(max_length=255, verbose_name="name")),
                ("kind", models.CharField(max_length=8, verbose_name="kind")),
                ("service", models.CharField(max_length=255, null=True, verbose_name="service")),
                ("operation", models.CharField(max_length=64, null=True, verbose_name="operation")),
                ("provider", models.CharField(max_length=64, null=True, verbose_name="provider")),
                ("model", models.CharField(max_length=255, null=True, verbose_name="model")),
                ("user_id", models.CharField(max_length=255, null=True, verbose_name="user id")),
                ("session_id", models.CharField(max_length=255, null=True, verbose_name="session id")),
                ("conversation_id", models.CharField(max_length=255, null=True, verbose_name="conversation id")),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("seen_at", models.DateTimeField(verbose_name="seen at")),
            ],
            options={
                "verbose_name": "running span",
                "verbose_name_plural": "running spans",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("trace_id", "span_id"), name="llmtrace_runningspan_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="SpanContent",
            fields=[
                (
                    "span",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="content",
                        serialize=False,
                        to="llmtrace.span",
                    ),
                ),
                ("data", models.TextField(verbose_name="data")),
            ],
            options={
                "verbose_name": "content of a span",
                "verbose_name_plural": "contents of spans",
                "permissions": [("view_content", "Can read what people and models wrote")],
                "default_permissions": (),
            },
        ),
        migrations.RunPython(compress_quickly, migrations.RunPython.noop),
    ]
