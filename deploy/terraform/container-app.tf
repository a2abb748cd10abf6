locals {
  settings = merge({
    SERVICEBUS_FULLY_QUALIFIED_NAMESPACE      = "${azurerm_servicebus_namespace.this.name}.servicebus.windows.net"
    SERVICEBUS_MESSAGE_COMPLETED_TOPIC        = azurerm_servicebus_topic.message_completed.name
    SERVICEBUS_MESSAGE_COMPLETED_SUBSCRIPTION = azurerm_servicebus_subscription.history_worker.name
    COSMOS_ENDPOINT                           = azurerm_cosmosdb_account.this.endpoint
    COSMOS_DATABASE_NAME                      = azurerm_cosmosdb_sql_database.this.name
    COSMOS_CONTAINER_NAME                     = azurerm_cosmosdb_sql_container.conversations.name
    AZURE_AI_CHAT_ENDPOINT                    = "https://${azurerm_cognitive_account.titles.custom_subdomain_name}.openai.azure.com/openai/v1/"
    AZURE_AI_CHAT_MODEL                       = azurerm_cognitive_deployment.titles.name
    REDIS_HOST                                = azurerm_managed_redis.this.hostname
    REDIS_PORT                                = tostring(azurerm_managed_redis.this.default_database[0].port)
    REDIS_SSL                                 = "true"
    AZURE_CLIENT_ID                           = azurerm_user_assigned_identity.worker.client_id
    SHUTDOWN_TIMEOUT_SECONDS                  = tostring(var.shutdown_timeout_seconds)
    HEALTH_HOST                               = "0.0.0.0"
    HEALTH_PORT                               = tostring(local.health_port)
  }, var.settings)

  health_port = 8080

  # What stands in a secret here is hidden from who may only look at the app.
  application_insights = "application-insights"
  secrets = {
    for name in nonsensitive(keys(var.secret_settings)) : name => lower(replace(name, "_", "-"))
  }
  # As the image has it: a registry's host is not always its name, but may have a hash behind it.
  registry_server = var.container_registry_id == null ? null : split("/", var.image)[0]
}

resource "azurerm_container_app_environment" "this" {
  name                               = var.name
  resource_group_name                = azurerm_resource_group.this.name
  location                           = azurerm_resource_group.this.location
  logs_destination                   = "azure-monitor"
  infrastructure_subnet_id           = one(azurerm_subnet.apps[*].id)
  infrastructure_resource_group_name = "${var.name}-infrastructure"
  internal_load_balancer_enabled     = var.private_networking ? true : null
  tags                               = var.tags

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }
}

resource "azurerm_container_app" "worker" {
  name                         = var.name
  resource_group_name          = azurerm_resource_group.this.name
  container_app_environment_id = azurerm_container_app_environment.this.id
  workload_profile_name        = "Consumption"
  revision_mode                = "Single"
  tags                         = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.worker.id, azurerm_user_assigned_identity.scaler.id]
  }

  dynamic "registry" {
    for_each = local.registry_server == null ? [] : [local.registry_server]
    content {
      server   = registry.value
      identity = azurerm_user_assigned_identity.worker.id
    }
  }

  secret {
    name  = local.application_insights
    value = azurerm_application_insights.this.connection_string
  }

  dynamic "secret" {
    for_each = local.secrets
    content {
      name  = secret.value
      value = var.secret_settings[secret.key]
    }
  }

  template {
    min_replicas                     = var.replicas.min
    max_replicas                     = var.replicas.max
    polling_interval_in_seconds      = 30
    cooldown_period_in_seconds       = 300
    termination_grace_period_seconds = var.shutdown_timeout_seconds + 15

    container {
      name   = "worker"
      image  = var.image
      cpu    = var.cpu
      memory = var.memory

      dynamic "env" {
        for_each = local.settings
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.secrets
        content {
          name        = env.key
          secret_name = env.value
        }
      }

      env {
        name        = "APPLICATIONINSIGHTS_CONNECTION_STRING"
        secret_name = local.application_insights
      }

      startup_probe {
        transport               = "HTTP"
        path                    = "/livez"
        port                    = local.health_port
        interval_seconds        = 2
        failure_count_threshold = 30
      }

      liveness_probe {
        transport               = "HTTP"
        path                    = "/livez"
        port                    = local.health_port
        interval_seconds        = 10
        timeout                 = 5
        failure_count_threshold = 3
      }

      readiness_probe {
        transport               = "HTTP"
        path                    = "/readyz"
        port                    = local.health_port
        interval_seconds        = 10
        timeout                 = 5
        failure_count_threshold = 3
        success_count_threshold = 1
      }
    }

    # Events that a worker holds are counted too, so that nothing is scaled down below what is in hand.
    custom_scale_rule {
      name             = "waiting-events"
      custom_rule_type = "azure-servicebus"
      identity_id      = azurerm_user_assigned_identity.scaler.id
      metadata = {
        namespace              = azurerm_servicebus_namespace.this.name
        topicName              = azurerm_servicebus_topic.message_completed.name
        subscriptionName       = azurerm_servicebus_subscription.history_worker.name
        messageCount           = tostring(var.replicas.events_per_worker)
        activationMessageCount = "0"
      }
    }
  }

  # A worker that starts before its rights would wait for them, but a first start is better without an alarm.
  depends_on = [
    azurerm_role_assignment.worker_receives,
    azurerm_cosmosdb_sql_role_assignment.worker_keeps_history,
    azurerm_managed_redis_access_policy_assignment.worker_reads_conversations,
    azurerm_role_assignment.worker_asks_for_titles,
    azurerm_role_assignment.worker_pulls_its_image,
    azurerm_role_assignment.scaler_counts,
    azurerm_private_endpoint.this,
  ]
}

resource "azurerm_container_app_job" "sweep" {
  count                        = var.sweep_schedule == null ? 0 : 1
  name                         = "${var.name}-sweep"
  resource_group_name          = azurerm_resource_group.this.name
  location                     = azurerm_resource_group.this.location
  container_app_environment_id = azurerm_container_app_environment.this.id
  workload_profile_name        = "Consumption"
  replica_timeout_in_seconds   = 3600
  replica_retry_limit          = 1
  tags                         = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.worker.id]
  }

  dynamic "registry" {
    for_each = local.registry_server == null ? [] : [local.registry_server]
    content {
      server   = registry.value
      identity = azurerm_user_assigned_identity.worker.id
    }
  }

  schedule_trigger_config {
    cron_expression = var.sweep_schedule
  }

  template {
    container {
      name   = "sweep"
      image  = var.image
      args   = ["sweep"]
      cpu    = 0.25
      memory = "0.5Gi"

      dynamic "env" {
        for_each = local.settings
        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  depends_on = [
    azurerm_cosmosdb_sql_role_assignment.worker_keeps_history,
    azurerm_role_assignment.worker_pulls_its_image,
    azurerm_private_endpoint.this,
  ]
}
