"""What processes say of themselves: their ledgers, and the spans that are still open."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("llmtrace", "0001_initial"),
    ]

    operations = [
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
    ]
