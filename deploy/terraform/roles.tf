# The worker's, and no more than these.

resource "azurerm_role_assignment" "worker_receives" {
  scope                = azurerm_servicebus_namespace.this.id
  role_definition_name = "Azure Service Bus Data Receiver"
  principal_id         = azurerm_user_assigned_identity.worker.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_cosmosdb_sql_role_definition" "history" {
  name                = "history-worker"
  resource_group_name = azurerm_resource_group.this.name
  account_name        = azurerm_cosmosdb_account.this.name
  assignable_scopes   = [azurerm_cosmosdb_account.this.id]

  permissions {
    # readMetadata: the account's write regions and the container's partition key are read at the start. items/*: Azure names no
    # action of its own for a patch, by which a title is set. No database, container or throughput can be changed with these.
    data_actions = [
      "Microsoft.DocumentDB/databaseAccounts/readMetadata",
      "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery",
      "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/*",
    ]
  }
}

resource "azurerm_cosmosdb_sql_role_assignment" "worker_keeps_history" {
  resource_group_name = azurerm_resource_group.this.name
  account_name        = azurerm_cosmosdb_account.this.name
  role_definition_id  = azurerm_cosmosdb_sql_role_definition.history.id
  principal_id        = azurerm_user_assigned_identity.worker.principal_id
  scope               = "${azurerm_cosmosdb_account.this.id}/dbs/${azurerm_cosmosdb_sql_database.this.name}/colls/${azurerm_cosmosdb_sql_container.conversations.name}"
}

# Azure Managed Redis has one access policy, which the seed calls Redis Data Contributor: all data, no administration.
resource "azurerm_managed_redis_access_policy_assignment" "worker_reads_conversations" {
  managed_redis_id = azurerm_managed_redis.this.id
  object_id        = azurerm_user_assigned_identity.worker.principal_id
}

resource "azurerm_role_assignment" "worker_asks_for_titles" {
  scope                = azurerm_cognitive_account.titles.id
  role_definition_name = "Cognitive Services User"
  principal_id         = azurerm_user_assigned_identity.worker.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_role_assignment" "worker_pulls_its_image" {
  count                = var.container_registry_id == null ? 0 : 1
  scope                = var.container_registry_id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.worker.principal_id
  principal_type       = "ServicePrincipal"
}

# The scaler's: the count of one subscription is read with the right to manage it.
resource "azurerm_role_assignment" "scaler_counts" {
  scope                = azurerm_servicebus_subscription.history_worker.id
  role_definition_name = "Azure Service Bus Data Owner"
  principal_id         = azurerm_user_assigned_identity.scaler.principal_id
  principal_type       = "ServicePrincipal"
}

# The publishers'.

resource "azurerm_role_assignment" "publisher_sends" {
  for_each             = var.publisher_principal_ids
  scope                = azurerm_servicebus_topic.message_completed.id
  role_definition_name = "Azure Service Bus Data Sender"
  principal_id         = each.value
}

resource "azurerm_managed_redis_access_policy_assignment" "publisher_writes_conversations" {
  for_each         = var.publisher_principal_ids
  managed_redis_id = azurerm_managed_redis.this.id
  object_id        = each.value
}
