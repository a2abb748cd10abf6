# "terraform test" plans with a provider that asks nobody: needs no subscription.

mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = {
      subscription_id = "00000000-0000-0000-0000-000000000000"
    }
  }

  override_during = plan

  mock_resource "azurerm_resource_group" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker" }
  }
  mock_resource "azurerm_user_assigned_identity" {
    defaults = {
      id           = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one"
      client_id    = "00000000-0000-0000-0000-000000000001"
      principal_id = "00000000-0000-0000-0000-000000000002"
    }
  }
  mock_resource "azurerm_servicebus_namespace" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.ServiceBus/namespaces/one" }
  }
  mock_resource "azurerm_servicebus_topic" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.ServiceBus/namespaces/one/topics/one" }
  }
  mock_resource "azurerm_servicebus_subscription" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.ServiceBus/namespaces/one/topics/one/subscriptions/one" }
  }
  mock_resource "azurerm_cosmosdb_account" {
    defaults = {
      id       = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.DocumentDB/databaseAccounts/one"
      endpoint = "https://one.documents.azure.com:443/"
    }
  }
  mock_resource "azurerm_cosmosdb_sql_role_definition" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.DocumentDB/databaseAccounts/one/sqlRoleDefinitions/00000000-0000-0000-0000-000000000003" }
  }
  mock_resource "azurerm_managed_redis" {
    defaults = {
      id               = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.Cache/redisEnterprise/one"
      hostname         = "one.westeurope.redis.azure.net"
      default_database = { port = 10000 }
    }
  }
  mock_resource "azurerm_cognitive_account" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.CognitiveServices/accounts/one" }
  }
  mock_resource "azurerm_log_analytics_workspace" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.OperationalInsights/workspaces/one" }
  }
  mock_resource "azurerm_application_insights" {
    defaults = {
      id                = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.Insights/components/one"
      connection_string = "InstrumentationKey=00000000-0000-0000-0000-000000000004"
    }
  }
  mock_resource "azurerm_monitor_action_group" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.Insights/actionGroups/one" }
  }
  mock_resource "azurerm_container_app_environment" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.App/managedEnvironments/one" }
  }
  mock_resource "azurerm_virtual_network" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.Network/virtualNetworks/one" }
  }
  mock_resource "azurerm_subnet" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.Network/virtualNetworks/one/subnets/one" }
  }
  mock_resource "azurerm_private_dns_zone" {
    defaults = { id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/history-worker/providers/Microsoft.Network/privateDnsZones/one" }
  }
}

variables {
  location    = "westeurope"
  image       = "ghcr.io/your-organization/history-worker:0.1.0"
  title_model = { name = "gpt-5-mini" }
}

run "what_is_asked_for_by_default" {
  command = plan

  assert {
    condition     = length(azurerm_private_endpoint.this) == 0 && azurerm_servicebus_namespace.this.public_network_access_enabled
    error_message = "Private networking is an option."
  }
  assert {
    condition     = azurerm_container_app.worker.template[0].termination_grace_period_seconds == 75
    error_message = "The grace period is 75 s."
  }
  assert {
    condition     = local.settings.AZURE_AI_CHAT_ENDPOINT == "https://${azurerm_cognitive_account.titles.custom_subdomain_name}.openai.azure.com/openai/v1/"
    error_message = "The endpoint is of the v1 form."
  }
  assert {
    condition     = length(azurerm_monitor_action_group.this) == 0 && length(azurerm_container_app_job.sweep) == 1
    error_message = "Nobody is told, and the sweep runs."
  }
}

run "private_from_end_to_end" {
  command = plan

  variables {
    private_networking    = true
    service_bus_sku       = "Premium"
    image                 = "images-c0ffee.azurecr.io/history-worker:0.1.0"
    container_registry_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/Images"
    cosmos_read_locations = ["northeurope"]
    alert_email           = "you@example.com"
    replicas              = { min = 0, max = 30 }
    console_logs          = true
    publisher_principal_ids = {
      front-end = "00000000-0000-0000-0000-000000000009"
    }
  }

  assert {
    condition     = length(azurerm_private_endpoint.this) == 4 && azurerm_managed_redis.this.public_network_access == "Disabled"
    error_message = "Each of the four services has an endpoint and no public one."
  }
  assert {
    condition     = azurerm_container_app.worker.registry[0].server == "images-c0ffee.azurecr.io"
    error_message = "The image is pulled from the registry, under the name that it is reached by."
  }
  assert {
    condition     = azurerm_subnet.apps[0].address_prefixes[0] == "10.80.0.0/25" && azurerm_subnet.endpoints[0].address_prefixes[0] == "10.80.0.128/25"
    error_message = "The network has two halves."
  }
  assert {
    condition     = azurerm_container_app.worker.template[0].min_replicas == 0
    error_message = "It may sleep."
  }
}

run "serverless" {
  command = plan

  variables {
    cosmos_max_throughput   = null
    cosmos_items_may_expire = true
    sweep_schedule          = null
  }

  assert {
    condition     = length(azurerm_cosmosdb_account.this.capabilities) == 1 && length(azurerm_cosmosdb_sql_container.conversations.autoscale_settings) == 0
    error_message = "A serverless account has no throughput."
  }
  assert {
    condition     = azurerm_cosmosdb_sql_container.conversations.default_ttl == -1
    error_message = "Items may carry a ttl of their own."
  }
}

run "what_cannot_be_is_refused" {
  command = plan

  variables {
    private_networking    = true
    image                 = "history-worker:latest"
    replicas              = { min = 3, max = 2 }
    cosmos_max_throughput = null
    cosmos_read_locations = ["northeurope"]
    settings              = { COSMOS_KEY = "secret" }
    secret_settings       = { REDIS_PASSWORD = "secret" }
  }

  expect_failures = [var.service_bus_sku, var.image, var.replicas, var.cosmos_read_locations, var.settings, var.secret_settings]
}

run "what_is_secret_stands_in_a_secret" {
  command = plan

  variables {
    settings        = { CONSOLE_ENABLED = "true" }
    secret_settings = { CONSOLE_TOKEN = "long and secret" }
  }

  assert {
    condition = [
      for env in azurerm_container_app.worker.template[0].container[0].env : env.secret_name if env.name == "CONSOLE_TOKEN"
    ] == ["console-token"]
    error_message = "The variable has its value from the secret."
  }
}

run "what_is_secret_is_refused_elsewhere" {
  command = plan

  variables {
    settings = { CONSOLE_TOKEN = "long and secret" }
  }

  expect_failures = [var.settings]
}

run "an_image_of_another_registry_is_refused" {
  command = plan

  variables {
    container_registry_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/Images"
  }

  expect_failures = [var.container_registry_id]
}
