resource "azurerm_servicebus_namespace" "this" {
  name                          = local.unique
  resource_group_name           = azurerm_resource_group.this.name
  location                      = azurerm_resource_group.this.location
  sku                           = var.service_bus_sku
  capacity                      = var.service_bus_sku == "Premium" ? 1 : 0
  premium_messaging_partitions  = var.service_bus_sku == "Premium" ? 1 : 0
  local_auth_enabled            = false
  minimum_tls_version           = "1.2"
  public_network_access_enabled = !var.private_networking
  tags                          = var.tags
}

resource "azurerm_servicebus_topic" "message_completed" {
  name         = var.topic
  namespace_id = azurerm_servicebus_namespace.this.id
}

resource "azurerm_servicebus_subscription" "history_worker" {
  name     = var.subscription
  topic_id = azurerm_servicebus_topic.message_completed.id

  # A kill, a lost lock and a lost link cost a delivery each; an outage costs none.
  max_delivery_count = 50
  lock_duration      = var.lock_duration
  requires_session   = var.requires_session

  # An event that was never worked is not to vanish without a trace.
  dead_lettering_on_message_expiration      = true
  dead_lettering_on_filter_evaluation_error = true
}
