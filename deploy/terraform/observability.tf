resource "azurerm_log_analytics_workspace" "this" {
  name                         = local.unique
  resource_group_name          = azurerm_resource_group.this.name
  location                     = azurerm_resource_group.this.location
  retention_in_days            = var.log_retention_days
  local_authentication_enabled = false
  tags                         = var.tags
}

resource "azurerm_application_insights" "this" {
  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  workspace_id        = azurerm_log_analytics_workspace.this.id
  application_type    = "Node.JS"
  retention_in_days   = var.log_retention_days
  tags                = var.tags

  # The one exception: the worker tells with the connection string of the seed's list. It lets nobody read.
  local_authentication_enabled = true
}

resource "azurerm_application_insights_workbook" "this" {
  # Workbooks are named by a UUID: always the same one for the same resource group.
  name                = uuidv5("url", "${azurerm_resource_group.this.id}/workbook")
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  display_name        = var.name
  source_id           = lower(azurerm_application_insights.this.id)
  data_json           = file("${path.module}/../azure-workbook.json")
  tags                = var.tags
}

resource "azurerm_monitor_action_group" "this" {
  count               = var.alert_email == null ? 0 : 1
  name                = var.name
  resource_group_name = azurerm_resource_group.this.name
  short_name          = "history"
  tags                = var.tags

  email_receiver {
    name                    = "email"
    email_address           = var.alert_email
    use_common_alert_schema = true
  }
}

# The rules are a template of Azure's own, so that they can be had without Terraform too.
resource "azurerm_resource_group_template_deployment" "alerts" {
  name                = "${var.name}-alerts"
  resource_group_name = azurerm_resource_group.this.name
  deployment_mode     = "Incremental"
  template_content    = file("${path.module}/../alerts.json")
  tags                = var.tags

  parameters_content = jsonencode({
    applicationInsightsId = { value = azurerm_application_insights.this.id }
    actionGroupId         = { value = one(azurerm_monitor_action_group.this[*].id) == null ? "" : azurerm_monitor_action_group.this[0].id }
    serviceBusNamespaceId = { value = azurerm_servicebus_namespace.this.id }
    topic                 = { value = azurerm_servicebus_topic.message_completed.name }
    location              = { value = azurerm_resource_group.this.location }
    prefix                = { value = var.name }
  })
}

# The environment hands its logs on by itself, so that it needs no key of the workspace.
resource "azurerm_monitor_diagnostic_setting" "container_apps" {
  name                       = "logs"
  target_resource_id         = azurerm_container_app_environment.this.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category = "ContainerAppSystemLogs"
  }

  dynamic "enabled_log" {
    for_each = var.console_logs ? ["ContainerAppConsoleLogs"] : []
    content {
      category = enabled_log.value
    }
  }
}
