output "settings" {
  description = "The worker's variables, for a worker that runs elsewhere, as with deploy/kubernetes."
  value       = local.settings
}

output "container_app" {
  description = "Name of the container app, for \"az containerapp logs show\"."
  value       = azurerm_container_app.worker.name
}

output "resource_group" {
  description = "Resource group of everything."
  value       = azurerm_resource_group.this.name
}

output "worker_identity" {
  description = "The worker's identity: id of the resource, client id and object id."
  value = {
    id           = azurerm_user_assigned_identity.worker.id
    client_id    = azurerm_user_assigned_identity.worker.client_id
    principal_id = azurerm_user_assigned_identity.worker.principal_id
  }
}

output "scaler_identity" {
  description = "The identity that counts events."
  value = {
    id           = azurerm_user_assigned_identity.scaler.id
    client_id    = azurerm_user_assigned_identity.scaler.client_id
    principal_id = azurerm_user_assigned_identity.scaler.principal_id
  }
}

output "application_insights_connection_string" {
  description = "APPLICATIONINSIGHTS_CONNECTION_STRING of a worker that runs elsewhere."
  value       = azurerm_application_insights.this.connection_string
  sensitive   = true
}

output "workbook" {
  description = "Resource id of the workbook."
  value       = azurerm_application_insights_workbook.this.id
}
